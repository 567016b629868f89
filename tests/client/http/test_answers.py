"""What an answer says to people, and to long-running processes."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.client.errors import (
    Conflict,
    Misbehaved,
    ServiceUnavailable,
    TooManyRequests,
    Unreachable,
    WaypostError,
)
from waypost.client.http.answer import Answer
from waypost.client.http.answers import require_answered, require_success


def answer(code: int, body: object = b"", **headers: str) -> Answer:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(code, httpx.Headers(named), octets)


def status(reason: str) -> dict[str, object]:
    return {"kind": "Status", "reason": reason, "message": "no"}


def warned(found: Answer) -> list[str]:
    warnings: list[str] = []
    require_answered(found, warn=warnings.append)
    return warnings


def test_a_success_says_nothing() -> None:
    assert warned(answer(200, {})) == []
    require_success(answer(200, {}))
    require_success(answer(304))


def test_warnings_are_reported_without_their_quoting() -> None:
    header = '299 - "unknown field \\"spec.x\\"", 299 - "another", 199 - "not ours"'
    assert warned(answer(201, {}, warning=header)) == ['unknown field "spec.x"', "another"]


def test_warnings_of_a_refusal_are_reported_too() -> None:
    warnings: list[str] = []
    with pytest.raises(Conflict):
        require_answered(
            answer(409, status("Conflict"), warning='299 - "unknown field"'), warn=warnings.append
        )
    assert warnings == ["unknown field"]


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("", 0), ("2", 2), ("0", 0), ("-1", 0), ("9999999", 0), ("Fri, 31 Dec 1999 23:59:59 GMT", 0)],
)
def test_people_are_told_what_an_overloaded_process_says(header: str, wait_s: float) -> None:
    with pytest.raises(TooManyRequests) as refused:
        require_answered(
            answer(429, status("TooManyRequests"), retry_after=header), warn=pytest.fail
        )
    assert refused.value.retry_after_s == wait_s
    with pytest.raises(ServiceUnavailable):
        require_answered(answer(503, status("ServiceUnavailable")), warn=pytest.fail)


@pytest.mark.parametrize("code", [421, 429, 500, 502, 503])
def test_a_long_running_process_asks_another(code: int) -> None:
    with pytest.raises(Unreachable, match=f"it answers {code}"):
        require_success(answer(code, status("ServiceUnavailable")))


def test_a_gateway_without_a_status_is_no_registry_and_its_code_is_kept() -> None:
    with pytest.raises(Misbehaved, match="it answers 502: upstream is down") as error:
        require_answered(answer(502, b"upstream\nis down"), warn=pytest.fail)
    assert error.value.code == 502


@pytest.mark.parametrize("check", [warned, require_success])
def test_a_refusal_is_raised_as_the_error_of_its_reason(check: object) -> None:
    assert callable(check)
    with pytest.raises(Conflict):
        check(answer(409, status("Conflict")))


@given(st.binary(max_size=40), st.integers(300, 599).filter(lambda code: code != 304))
def test_anything_but_a_success_is_an_error(body: bytes, code: int) -> None:
    for check in (warned, require_success):
        with pytest.raises(WaypostError):
            check(answer(code, body))
