"""Lengths of time as Go writes them: ``30s``, ``1m30s``, ``-1s``.

text -> seconds

Source: Go, package time, `ParseDuration`.
"""

import re
from typing import Final

import click

WEEK_S: Final = 7 * 24 * 3600.0  # what no end of a wait is
_UNITS: Final = {
    "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9,
}  # fmt: skip
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_WHOLE: Final = re.compile(rf"([+-]?)((?:{_PART.pattern})+|0)")


def seconds_of(text: str) -> float:
    """Parse a duration; raises BadParameter."""
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not a duration such as 30s or 1m30s")
    parts = _PART.findall(found[2])
    total_s = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return -total_s if found[1] == "-" else total_s


class DurationType(click.ParamType[float]):
    """The type of options for durations, in seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse the text."""
        return value if isinstance(value, float) else seconds_of(str(value))
