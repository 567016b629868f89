"""No test replaces an attribute of our modules and classes: limits and fakes are arguments.

Attributes of the standard library, of other packages and of single values may be replaced.
Source: style.md 5, "Tests".
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name

import pytest

TESTS = Path(__file__).parents[1]
OURS = ("app", "waypost.client")
BELOW_OURS = tuple(f"{name}." for name in OURS)
REPLACING = {"setattr", "delattr"}

JUSTIFIED: Mapping[str, str] = {}
"""Replaced attributes, as ``file of the test: target``, each with the reason."""


def test_no_test_replaces_an_attribute_of_ours() -> None:
    found = {
        f"{path.relative_to(TESTS)}: {target}"
        for path in sorted(TESTS.rglob("*.py"))
        for target in replaced(ast.parse(path.read_text()))
    }
    assert found == set(JUSTIFIED)


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("from app.dns import counters\nmonkeypatch.setattr(counters, 'KINDS_MAX', 5)", 1),
        ("from app.dns import counters as c\nwith p() as q:\n    q.setattr(c, 'KINDS_MAX', 5)", 1),
        ("from app.dns.counters import Durations\npatch.setattr(Durations, 'add', None)", 1),
        ("from app.dns import counters\npatch.setattr(counters.Durations, 'add', None)", 1),
        ("import app.dns.counters\npatch.delattr(app.dns.counters, 'KINDS_MAX')", 1),
        ("patch.setattr('app.dns.counters.KINDS_MAX', 5)", 1),
        ("from app.dns import counters\nsetattr(counters, 'KINDS_MAX', 5)", 1),
        ("from app.dns import counters\ncounters.KINDS_MAX = 5", 1),
        ("from app.dns import counters\ncounters.KINDS_MAX += 5", 1),
        ("from waypost.client import pace\npatch.setattr(pace, 'PERIOD_S', 5)", 1),
        ("import sys\npatch.setattr(sys, 'argv', [])", 0),
        ("from app import welcome\npatch.setattr(welcome.shutil, 'which', None)", 0),
        ("from app.dns.counters import Durations\nd = Durations()\nd.sum_s = 1.0", 0),
        ("patch.setattr('os.path.exists', None)", 0),
    ],
)
def test_replacements_are_recognised(source: str, targets: int) -> None:
    assert len(list(replaced(ast.parse(source)))) == targets


def replaced(tree: ast.Module) -> Iterator[str]:
    """List the modules and classes of ours of which a test replaces an attribute."""
    paths = dict(imported(tree))
    for node in ast.walk(tree):
        for place in places(node):
            path = path_of(place, paths)
            if path.startswith(BELOW_OURS) and is_ours(resolve_name(path)):
                yield path


def places(node: ast.AST) -> list[ast.expr]:
    """Return the expressions whose attributes a statement or a call replaces."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[place, *_]):
            return [place] if name in REPLACING else []
        case ast.Assign(targets=targets):
            return [target.value for target in targets if isinstance(target, ast.Attribute)]
        case ast.AugAssign(target=ast.Attribute(value=place)):
            return [place]
        case _:
            return []


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """List the imported names, each with the path of what it means."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                for alias in names:
                    yield alias.asname or alias.name, f"{module}.{alias.name}"
            case ast.Import(names=names):
                for alias in names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or whole, whole
            case _:
                pass


def path_of(place: ast.expr, paths: Mapping[str, str]) -> str:
    """Spell out a dotted name that begins with an import; empty for anything else."""
    match place:
        case ast.Constant(value=str(target)):
            return target.rpartition(".")[0]
        case ast.Name(id=name):
            return paths.get(name, "")
        case ast.Attribute(value=value, attr=attr) if path := path_of(value, paths):
            return f"{path}.{attr}"
        case _:
            return ""


def is_ours(found: object) -> bool:
    """Whether a value is a module or a class of ours."""
    if inspect.ismodule(found):
        return found.__name__.startswith(BELOW_OURS)
    return inspect.isclass(found) and found.__module__.startswith(BELOW_OURS)
