"""A module and a function fit in a reader's head."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("app", "waypost")
MODULE_LINES_MAX = 310
FUNCTION_LINES_MAX = 42
IMPORTS_MAX = 20
ROOM_FILES_MAX = 16
GENERATED = {
    "waypost/client/kind_table.py",
    "waypost/client/models.py",
}  # nobody reads these through
COMPOSITION_ROOTS = {"app/live_state.py", "app/main.py", "app/replica.py"}

paths = sorted(
    path
    for name in OURS
    for path in (ROOT / name).rglob("*.py")
    if path.relative_to(ROOT).as_posix() not in GENERATED
)
rooms = sorted({path.parent for path in paths})
modules = pytest.mark.parametrize("module", paths, ids=lambda path: str(path.relative_to(ROOT)))


@modules
def test_a_module_is_at_most_310_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MODULE_LINES_MAX


@modules
def test_a_function_is_at_most_42_lines(module: Path) -> None:
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


@modules
def test_a_module_imports_at_most_twenty_of_ours(module: Path) -> None:
    if module.relative_to(ROOT).as_posix() in COMPOSITION_ROOTS:
        return
    imported = imports(ast.parse(module.read_text()))
    assert len(imported) <= IMPORTS_MAX, sorted(imported)


@pytest.mark.parametrize("room", rooms, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_has_about_fifteen_files(room: Path) -> None:
    assert len([path for path in room.glob("*.py") if path.name != "__init__.py"]) <= ROOM_FILES_MAX


def imports(tree: ast.Module) -> set[str]:
    """Our modules that a module imports when it runs."""
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in for_types or not isinstance(node, ast.ImportFrom):
            continue
        if (node.module or "").split(".")[0] in OURS:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if is_module(name) else str(node.module) for name in names}
    return found


def is_module(name: str) -> bool:
    return ROOT.joinpath(*name.split(".")).with_suffix(".py").exists()
