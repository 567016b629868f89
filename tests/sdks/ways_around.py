"""The table of `docs/sdk.md` that says what a generator cannot, and the way around it."""

from collections import defaultdict

from tests.sdks.projects import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "sdk.md"
_MARK = "<!-- ways around -->"


def documented() -> dict[str, set[str]]:
    """Read the steps of each generator for which the table has a way around."""
    steps: dict[str, set[str]] = defaultdict(set)
    table = DOCUMENT.read_text().split(_MARK, 2)[1]
    for row in table.strip().splitlines()[2:]:
        generator, step = (cell.strip().strip("`") for cell in row.split("|")[1:3])
        steps[generator].add(step)
    return steps
