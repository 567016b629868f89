"""What `docs/sdk.md` says: the ways around, and the excerpts of the example projects.

| `language/generator` | `step` | what it cannot say | the way around |     between two marks
<!-- from language/generator/file -->, and the fenced block below it         an excerpt
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from textwrap import dedent

from tests.sdks.projects import CHECKOUT

_MARK = "<!-- ways around -->"
_EXCERPT = re.compile(r"<!-- from (?P<file>\S+) -->\n```\w*\n(?P<text>.*?)```\n", re.DOTALL)
_FENCE = re.compile(r"^```\w+$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Lines of the document, and the file below `tests/sdks` that they are of."""

    file: str
    text: str


def page() -> str:
    """Read the document."""
    return (CHECKOUT / "docs" / "sdk.md").read_text()


def ways_around() -> dict[str, set[str]]:
    """Read the steps of each generator for which the table has a way around."""
    steps: dict[str, set[str]] = defaultdict(set)
    table = page().split(_MARK, 2)[1]
    for row in table.strip().splitlines()[2:]:
        generator, step = (cell.strip().strip("`") for cell in row.split("|")[1:3])
        steps[generator].add(step)
    return steps


def excerpts() -> list[Excerpt]:
    """Read the fenced blocks that name a file."""
    return [Excerpt(file=found["file"], text=found["text"]) for found in _EXCERPT.finditer(page())]


def fences() -> int:
    """Count all fenced blocks."""
    return len(_FENCE.findall(page()))


def holds(file: str, text: str) -> bool:
    """Say whether a file has these lines, one after another, at any indentation."""
    wanted = text.splitlines()
    lines = file.splitlines()
    return any(
        dedent("\n".join(lines[start : start + len(wanted)])).splitlines() == wanted
        for start in range(len(lines) - len(wanted) + 1)
    )
