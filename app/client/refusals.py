"""What an API says when it says no.

answer -> its Status                            None where it is none
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
from app.client.foreign_text import shown
from app.client.json_reading import parse_json

VALUES_MAX: Final = 10_000  # of a refusal that is looked at
_ABLE_ELSEWHERE: Final = frozenset({421, 429, 500, 502, 503})
"""Said by a process that will do better later, or does not know the name that it is called by:
the next of several may do better now."""


def status_of(answer: Answer, *, values_max: int = VALUES_MAX) -> Mapping[str, object] | None:
    """Give the Status of a refusal, or another object in its place; None where there is none."""
    try:
        document = parse_json(answer.body, values_max=values_max)
    except RegistryMisbehaved:
        return None
    return cast("Mapping[str, object]", document) if isinstance(document, Mapping) else None


def problem_of(answer: Answer) -> str:
    """Say that an answer is a refusal, and why where it says so."""
    said = str(Refused(status_of(answer) or {}))
    return f"it answers {answer.status_code}{': ' if said else ''}{said}"


def require_success(answer: Answer) -> None:
    """Raise what an answer calls for in a process that goes on asking, unless it is a success."""
    code = answer.status_code
    if code in _ABLE_ELSEWHERE:
        raise RegistryUnreachable(problem_of(answer))
    if answer.is_success or code == HTTPStatus.NOT_MODIFIED:
        return
    status = status_of(answer) or {}
    if not status.get("reason") or not status.get("message"):
        leads = answer.headers.get("location", "")
        to = f", to {shown(leads)}," if leads else ""
        raise RegistryMisbehaved(f"it answers {code}{to} and does not say why as a registry does")
    raise Refused(status, code=code)
