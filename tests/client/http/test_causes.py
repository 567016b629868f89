"""Why a connection failed is said in the words of its first cause."""

import errno
import socket

import httpx

from waypost.client.http.causes import reason_of


def raised(cause: OSError) -> httpx.ConnectError:
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = cause
    return error


def test_a_name_that_is_not_found_is_no_number_of_an_error() -> None:
    cause = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    words = reason_of(raised(cause))
    assert words == "the name of its host is not found: Name or service not known"


def test_an_error_of_the_system_has_its_words() -> None:
    assert reason_of(raised(OSError(errno.ECONNREFUSED, ""))) == "Connection refused"
    assert reason_of(httpx.ReadError("reset")) == "reset"
