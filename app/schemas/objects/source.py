"""Functions written as source, as ``dataclasses`` does: a loop over a table takes twice as long.

lines, and the functions that they call -> a function
"""

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


class Source:
    """The source of a function, and the values that it names."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._named: dict[str, Any] = {}

    def add(self, line: str, *, depth: int = 0) -> None:
        """Add a line of the body, or of a block inside it."""
        self._lines.append("    " * depth + line)

    def name(self, value: object) -> str:
        """Give the name of a value that the source is not to spell out."""
        name = f"named_{len(self._named)}"
        self._named[name] = value
        return name

    def call(self, function: Function | None, *arguments: str) -> str:
        """Write the call of a function; without one, its argument."""
        return (
            arguments[0] if function is None else f"{self.name(function)}({', '.join(arguments)})"
        )

    def compiled(self, parameters: str, *, start: str = "pass", end: str = "pass") -> Function:
        """Make a function of the lines."""
        source = "\n    ".join([f"def made({parameters}):", start, *self._lines, end])
        names = dict(self._named)
        exec(source, names)  # noqa: S102  the source is made of declarations alone
        return names["made"]
