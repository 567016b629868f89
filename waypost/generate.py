"""Writes what clients have of the API's document and of its kinds: ``make openapi``.

    openapi.json -> datamodel-code-generator, ruff -> waypost/client/models.py
    openapi.json -> its collections               -> waypost/client/kind_table.py
    app.domain.resources                          -> app/cli/kind_table.py

The options of the generator are in ``pyproject.toml``.  This program is of the checkout alone: no
wheel has it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.domain.objects.endpoints import ENDPOINTS
from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES

ROOT: Final = Path(__file__).parents[1]
KINDS_OF_COMMAND_LINE: Final = "app/cli/kind_table.py"
DOCUMENT: Final = ROOT / "openapi.json"

_TABLE: Final = '''"""Every kind with routes of its own; written by ``make openapi``."""

from waypost.client.paths import Kind

KINDS = (
{rows})
'''
_WORDS: Final = '''"""The names of every kind, without the kinds; written by ``make openapi``."""

from typing import NamedTuple


class Kind(NamedTuple):
    """The names of one kind."""

    name: str
    plural: str
    api_version: str
    is_namespaced: bool
    short_names: tuple[str, ...]

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


KINDS = (
{rows})

ENDPOINTS = {endpoints}
"""Not among them: only its slices are kept."""
'''


def main() -> None:
    """Write both files."""
    for name, text in generated().items():
        (ROOT / name).write_text(text, encoding="utf-8")


def generated() -> dict[str, str]:
    """Make the text of each generated file, by its path."""
    return {
        "waypost/client/models.py": _formatted(_models()),
        "waypost/client/kind_table.py": _formatted(_kind_table()),
        KINDS_OF_COMMAND_LINE: kinds_of_command_line(),
    }


def kinds_of_command_line() -> str:
    """Make the text of the table of kinds that the command line has."""
    rows = "".join(f"    {_row(each)},\n" for each in RESOURCES)
    return _formatted(_WORDS.format(rows=rows, endpoints=_row(ENDPOINTS)))


def _row(kind: AnyResource) -> str:
    names = f"{kind.name!r}, {kind.plural!r}, {kind.api_version!r}"
    scope = f"is_namespaced={kind.is_namespaced}"
    return f"Kind({names}, {scope}, short_names={kind.short_names!r})"


def _models() -> str:
    generator = (sys.executable, "-m", "datamodel_code_generator", "--input", str(DOCUMENT))
    return _output_of(*generator)


def _kind_table() -> str:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    rows = "".join(f"    {row},\n" for row in _kinds(document))
    return _TABLE.format(rows=rows)


def _kinds(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a row for each collection: a path whose GET answers with a list of objects."""
    paths, schemas = document["paths"], document["components"]["schemas"]
    for path, operations in paths.items():
        answer = operations.get("get", {}).get("responses", {}).get("200", {})
        listed = _schema(answer.get("content", {}).get("application/json", {}).get("schema"))
        items = schemas.get(listed, {}).get("properties", {}).get("items", {}).get("items")
        properties = schemas.get(_schema(items), {}).get("properties", {})
        if listed.endswith("List") and "kind" in properties:
            name, version = properties["kind"]["const"], properties["apiVersion"]["const"]
            is_namespaced = f"{path}/{{namespace}}/{{name}}" in paths
            yield f"Kind({name!r}, {version!r}, {path[1:]!r}, is_namespaced={is_namespaced})"


def _schema(reference: Mapping[str, str] | None) -> str:
    return (reference or {}).get("$ref", "").rpartition("/")[2]


def _formatted(text: str) -> str:
    ruff = str(Path(sys.executable).with_name("ruff"))
    return _output_of(ruff, "format", "--stdin-filename", "models.py", "-", given=text)


def _output_of(*command: str, given: str = "") -> str:
    ended = subprocess.run(  # noqa: S603  the generator and the formatter
        command, cwd=ROOT, input=given, capture_output=True, text=True, check=True
    )
    return ended.stdout


if __name__ == "__main__":
    main()
