"""A module and a function fit in a reader's head."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

modules = pytest.mark.parametrize(
    "module", sorted(APP.rglob("*.py")), ids=lambda path: str(path.relative_to(APP.parent))
)


@modules
def test_a_module_is_at_most_400_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MODULE_LINES_MAX


@modules
def test_a_function_is_at_most_60_lines(module: Path) -> None:
    too_long = [
        f"{function.name} (line {function.lineno}): {lines} lines"
        for function, lines in functions(ast.parse(module.read_text()))
        if lines > FUNCTION_LINES_MAX
    ]
    assert not too_long


def functions(
    tree: ast.Module,
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Every function, nested ones and methods too, with the lines from its ``def`` to its end."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, (node.end_lineno or node.lineno) - node.lineno + 1
