"""One object for people, as kubectl describes kinds that it does not know: names and values.

    {"clusterIP": "10.96.0.20", "ports": [...]} -> "Cluster IP:  10.96.0.20", "Ports:", ...

Source: kubectl `pkg/describe/describe.go`, `printUnstructuredContent` and `smartLabelFor`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from app.cli.fields import Json

_STEP: Final = "  "
_NONE: Final = "<none>"
_NEXT: Final = "-"  # between the objects of a list
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")
_WHOLE: Final = {
    "api": "API",
    "cidr": "CIDR",
    "cidrs": "CIDRs",
    "ip": "IP",
    "ips": "IPs",
    "dns": "DNS",
    "uid": "UID",
}
_OF_USERS: Final = ("selector", "labels", "annotations", "matchLabels", "nodeSelector")
"""Fields whose keys are words of users."""
_VALUES_MAX: Final = 10_000  # of an object that are printed

Line = tuple[int, str, str]
"""The depth, the label and the value of a line."""


def label_of(field: str) -> str:
    """Word a field: ``clusterIP`` is ``Cluster IP``."""
    if "/" in field or "." in field:
        return field
    words: list[str] = _WORDS.findall(field.replace("IPs", "Ips").replace("CIDRs", "Cidrs"))
    return " ".join(map(_word, words)) or field


def _word(word: str) -> str:
    return _WHOLE.get(word.lower()) or (word if word.isupper() else word.capitalize())


def lines_of(document: Json, depth: int = 0) -> Iterator[Line]:
    """Yield the lines of an object, in the order of its fields."""
    for field, value in document.items():
        label = label_of(field)
        if isinstance(value, Mapping) and field in _OF_USERS:
            pairs = cast("Json", value).items()
            yield depth, label, ", ".join(f"{key}={_scalar(each)}" for key, each in pairs) or _NONE
        elif isinstance(value, Mapping):
            yield depth, label, "" if value else _NONE
            yield from lines_of(cast("Json", value), depth + 1)
        elif isinstance(value, list):
            yield from _list_lines(label, cast("Sequence[object]", value), depth)
        else:
            yield depth, label, _scalar(value)


def words_of(lines: Sequence[Line]) -> Iterator[str]:
    """Align the values of lines that follow each other at one depth."""
    shown = lines[:_VALUES_MAX]
    widths: dict[int, int] = {}
    for depth, label, value in shown:
        if value:
            widths[depth] = max(widths.get(depth, 0), len(label))
    for depth, label, value in shown:
        lead = _STEP * depth
        led = label if label in ("", _NEXT) else f"{label}:"
        yield (
            f"{lead}{led.ljust(widths.get(depth, 0) + 1)}  {value}".rstrip()
            if value
            else (f"{lead}{led}")
        )


def _list_lines(label: str, values: Sequence[object], depth: int) -> Iterator[Line]:
    if not values:
        yield depth, label, _NONE
    elif all(not isinstance(each, Mapping | list) for each in values):
        yield depth, label, ", ".join(map(_scalar, values))
    else:
        yield depth, label, ""
        for place, each in enumerate(values):
            if place:
                yield depth + 1, _NEXT, ""
            if isinstance(each, Mapping):
                yield from lines_of(cast("Json", each), depth + 1)
            else:
                yield depth + 1, "", str(each)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _NONE if value is None else str(value)
