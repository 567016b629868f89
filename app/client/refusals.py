"""Turns an API's error answers into exceptions.

answer -> its Status, or None
answer -> "it answers 421: this server is not known as …"
answer -> Refused | RegistryUnreachable | RegistryMisbehaved, unless it is a success
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, cast

from app.client.bounded_reading import Answer
from app.client.errors import (
    Refused,
    RegistryMisbehaved,
    RegistryUnreachable,
)
from app.client.json_reading import parse_json
from app.client.server_text import shown

VALUES_MAX: Final = 10_000  # of a refusal that is parsed
_RETRY_ELSEWHERE: Final = frozenset({421, 429, 500, 502, 503})
"""Codes of a process that is overloaded, broken, or does not know the host name in the request:
another process of the registry may succeed."""


def status_of(answer: Answer, *, values_max: int = VALUES_MAX) -> Mapping[str, object] | None:
    """Return the JSON object of a refusal, usually a Status, or None."""
    try:
        document = parse_json(answer.body, values_max=values_max)
    except RegistryMisbehaved:
        return None
    return cast("Mapping[str, object]", document) if isinstance(document, Mapping) else None


def problem_of(answer: Answer) -> str:
    """Describe a refusal: its code, and its message if there is one."""
    message = str(Refused(status_of(answer) or {}))
    return f"it answers {answer.status_code}{': ' if message else ''}{message}"


def require_success(answer: Answer) -> None:
    """Raise the error of an answer for a long-running process, unless it is a success."""
    code = answer.status_code
    if code in _RETRY_ELSEWHERE:
        raise RegistryUnreachable(problem_of(answer))
    if answer.is_success or code == HTTPStatus.NOT_MODIFIED:
        return
    status = status_of(answer) or {}
    if not status.get("reason") or not status.get("message"):
        location = answer.headers.get("location", "")
        to = f" to {shown(location)}" if location else ""
        raise RegistryMisbehaved(f"it answers {code}{to} without the Status of a registry")
    raise Refused(status, code=code)
