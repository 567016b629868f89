"""What an answer that is read says: nothing to complain of, warnings, or a refusal.

    Answer -> nothing | Refused | Misbehaved | Unreachable          for people: require_answered
                                                   for long-running processes: require_success

People are told what a process says; a long-running process asks another one when the first is
overloaded or broken.  Source: contract.md, "Errors"; RFC 9110, sections 5.6.4 and 10.2.3.
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, cast

from waypost.client.errors import Misbehaved, Refused, Unreachable, refusal_of, shown
from waypost.client.http.answer import Answer
from waypost.client.http.decoding import parse_json

REFUSAL_VALUES_MAX: Final = 10_000  # of a refusal that a long-running process parses
CAUSES_VALUES_MAX: Final = 1_000_000  # a file with many mistakes leads to as many causes
_SHOWN_OCTETS_MAX: Final = 500  # of an answer that is not a Status, or of one warning
_RETRY_ELSEWHERE: Final = frozenset({421, 429, 500, 502, 503})
"""Codes of a process that is overloaded, broken, or does not know the host name in the request:
another process of the registry may succeed."""

_WARNING: Final = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_DELAY: Final = re.compile(r"[0-9]{1,5}")

Warn = Callable[[str], None]


def require_answered(answer: Answer, *, warn: Warn) -> None:
    """Report warnings; raise Refused for a refusal, Misbehaved for an answer of no registry."""
    status = None if answer.is_success else _status(answer)
    for header in answer.headers.get_list("warning"):
        for found in _WARNING.findall(header):
            warn(shown(_QUOTED_PAIR.sub(r"\1", found), _SHOWN_OCTETS_MAX))
    if status is not None:
        raise _refusal(status, answer)


def require_success(answer: Answer) -> None:
    """Raise the error of an answer for a long-running process, unless it is a success."""
    code = answer.status_code
    if code in _RETRY_ELSEWHERE:
        message = str(Refused(status_of(answer) or {}))
        raise Unreachable(f"it answers {code}{': ' if message else ''}{message}")
    if answer.is_success or code == HTTPStatus.NOT_MODIFIED:
        return
    status = status_of(answer) or {}
    if not status.get("reason") or not status.get("message"):
        location = answer.headers.get("location", "")
        to = f" to {shown(location)}" if location else ""
        raise Misbehaved(f"it answers {code}{to} without the Status of a registry")
    raise _refusal(status, answer)


def status_of(
    answer: Answer, *, values_max: int = REFUSAL_VALUES_MAX
) -> Mapping[str, object] | None:
    """Return the JSON object of a refusal, usually a Status, or None."""
    try:
        document = parse_json(answer.body, values_max=values_max)
    except Misbehaved:
        return None
    return cast("Mapping[str, object]", document) if isinstance(document, Mapping) else None


def _status(answer: Answer) -> Mapping[str, object]:
    code = answer.status_code
    status = status_of(answer, values_max=CAUSES_VALUES_MAX)
    if status is None or status.get("kind") != "Status":
        said = shown(answer.body[:_SHOWN_OCTETS_MAX].decode(errors="replace"), _SHOWN_OCTETS_MAX)
        problem = f"it answers {code}: {said or _phrase(code)}"
        raise Misbehaved(problem, code=code)
    return status


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return ""


def _refusal(status: Mapping[str, object], answer: Answer) -> Refused:
    delay = _DELAY.fullmatch(answer.headers.get("retry-after", "").strip())
    return refusal_of(
        status, code=answer.status_code, retry_after_s=float(delay[0]) if delay else 0
    )
