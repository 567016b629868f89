"""Metrics as processes print them, and their change between two moments.

    text -> Sample(name, labels, value); two texts, seconds -> rates

Source: Prometheus, "Exposition formats", text format 0.0.4.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

SAMPLES_MAX: Final = 100_000
_LINE: Final = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?")
_LABEL: Final = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPES: Final = {r"\n": "\n", r"\"": '"', r"\\": "\\"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples_of(exposed: str) -> list[Sample]:
    """Parse a text; lines that are none are left out."""
    return list(_samples(exposed.splitlines()[:SAMPLES_MAX]))


def total(samples: Iterable[Sample], name: str, **labels: str) -> float:
    """Add the values of a metric whose labels begin with these texts."""
    return sum(
        each.value
        for each in samples
        if each.name == name
        and all(each.labels.get(key, "").startswith(value) for key, value in labels.items())
    )


def rate(
    before: Iterable[Sample], after: Iterable[Sample], seconds: float, name: str, **labels: str
) -> float:
    """Give the growth of a counter per second; one that began anew has none."""
    grown = total(after, name, **labels) - total(before, name, **labels)
    return max(0.0, grown) / seconds if seconds > 0 else 0.0


def _samples(lines: Iterable[str]) -> Iterator[Sample]:
    for line in lines:
        found = _LINE.fullmatch(line.strip())
        if found is None:
            continue
        labels = {key: _unescaped(value) for key, value in _LABEL.findall(found[2] or "")}
        try:
            yield Sample(found[1], labels, float(found[3]))
        except ValueError:
            continue


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), value)
