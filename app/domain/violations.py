"""Messages of violations: one constructor for each reason.

    field path, offending value, detail -> Violation

The path is the client's own spelling; the rules are not known here.  Values are
shown as JSON and shortened, so that a hostile one cannot fill the answer.
Source: spec kubernetes-api 1.7.
"""

import json
from collections.abc import Callable, Iterable

from app.domain.errors import CauseReason, Violation

_SHOWN_LENGTH_MAX = 256  # characters of an offending value that a message repeats


def invalid(field: str, value: object, detail: str) -> Violation:
    """Refuse a value that has the right type but breaks a rule."""
    return Violation(CauseReason.INVALID, field, f"Invalid value: {_shown(value)}: {detail}")


def required(field: str, detail: str = "") -> Violation:
    """Refuse an absent field."""
    return Violation(CauseReason.REQUIRED, field, _worded("Required value", detail))


def not_supported(field: str, value: object, allowed: Iterable[str]) -> Violation:
    """Refuse a value outside a closed vocabulary, which the message lists sorted."""
    listed = ", ".join(f'"{word}"' for word in sorted(allowed))
    message = f"Unsupported value: {_shown(value)}: supported values: {listed}"
    return Violation(CauseReason.NOT_SUPPORTED, field, message)


def duplicate(field: str, value: object) -> Violation:
    """Refuse a value that another entry already has."""
    return Violation(CauseReason.DUPLICATE, field, f"Duplicate value: {_shown(value)}")


def forbidden(field: str, detail: str) -> Violation:
    """Refuse a field that may not be set or changed."""
    return Violation(CauseReason.FORBIDDEN, field, _worded("Forbidden", detail))


def too_long(field: str, size_max_bytes: int) -> Violation:
    """Refuse a value above its size limit."""
    message = f"Too long: may not be more than {size_max_bytes} bytes"
    return Violation(CauseReason.TOO_LONG, field, message)


def too_many(field: str, count: int, count_max: int) -> Violation:
    """Refuse a list above its length limit."""
    message = f"Too many: {count}: must have at most {count_max} items"
    return Violation(CauseReason.TOO_MANY, field, message)


def each_invalid(field: str, value: object, problems: Iterable[str]) -> tuple[Violation, ...]:
    """Refuse a value once for each of its problems."""
    return tuple(invalid(field, value, problem) for problem in problems)


def broken_unless_empty(
    field: str, text: str, rule: Callable[[str], Iterable[str]]
) -> tuple[Violation, ...]:
    """Refuse an optional text once for every problem that the rule finds."""
    return each_invalid(field, text, rule(text)) if text else ()


def _worded(phrase: str, detail: str) -> str:
    return f"{phrase}: {detail}" if detail else phrase


def _shown(value: object) -> str:
    # ASCII only: text may have lone surrogates, which cannot be encoded.
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_LENGTH_MAX else f"{text[:_SHOWN_LENGTH_MAX]}…"
