"""Compression of answers, for clients that accept gzip.

    answer, Accept-Encoding -> the answer, with Content-Encoding if it is large

Answers of known length and long lists are compressed, large pieces in a thread, as zlib releases
the interpreter lock.  Streams of events are not, as in Kubernetes: each would keep a compressor of
256 KiB, and an event is sent when it occurs.  Every other answer depends on the client's
Accept-Encoding and says so, a 304 and one without a body too (RFC 9110 section 15.4.5).

An entity tag stays as it is: it is the revision of an object, which clients send in If-Match, and
no route serves ranges of octets.

Source: RFC 9110 sections 8.8.3.3, 12.5.3 and 12.5.5; apiserver
``pkg/endpoints/handlers/responsewriters/writers.go``.
"""

from collections.abc import Awaitable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.content_negotiation import accepts_gzip
from app.api.http.delivery import is_stream
from app.api.http.packing import LEVEL, PACKED_BYTES_MIN

BESIDE_BYTES_MIN: Final = 65_536  # compressing this takes a millisecond, which is worth a thread
_CODING: Final = b"Accept-Encoding"
_VARY: Final = b"vary"
_LENGTH: Final = b"content-length"


class Compression:
    """Middleware that compresses large answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        if scope["type"] == "http":
            sending = _Sending(self._app, send, is_gzip_accepted=accepts_gzip(scope))
            send = sending.send
        return self._app(scope, receive, send)


class _Sending:
    """Sends one answer, compressed unless its head says that it is too short for that."""

    def __init__(self, app: ASGIApp, send: Send, *, is_gzip_accepted: bool) -> None:
        self._app, self._is_gzip_accepted = app, is_gzip_accepted
        self._next = self._varying = _varying(send)  # no method: it would be a reference cycle

    def send(self, message: Message) -> Awaitable[None]:
        """Send a part of the answer as the application makes it."""
        if message["type"] == "http.response.start" and self._is_worth_it(message):
            self._compress()
        return self._next(message)

    def _is_worth_it(self, start: Message) -> bool:
        return self._is_gzip_accepted and not _is_short(start) and not is_stream(start)

    def _compress(self) -> None:
        responder = GZipResponder(
            self._app, PACKED_BYTES_MIN, LEVEL, thread_minimum_size=BESIDE_BYTES_MIN
        )
        responder.send = self._varying
        self._next = responder.send_with_compression


def _varying(send: Send) -> Send:
    """Say in the head of an answer what the answer depends on, but for a stream."""

    def send_varying(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start" and not is_stream(message):
            _vary(message)
        return send(message)

    return send_varying


def _vary(start: Message) -> None:
    """Say that an answer depends on the accepted codings."""
    for name, value in start["headers"]:
        if name == _VARY:
            if _CODING not in value:
                MutableHeaders(scope=start).add_vary_header(_CODING.decode())
            return
    start["headers"] = [*start["headers"], (_VARY, _CODING)]


def _is_short(start: Message) -> bool:
    """Whether an answer says that its length is below the least that is compressed."""
    for name, value in start["headers"]:
        if name == _LENGTH:
            return int(value) < PACKED_BYTES_MIN
    return False
