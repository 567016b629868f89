"""The vectors of access control, by kind: `tests/vectors/access_*.json`."""

import json
from pathlib import Path
from typing import Any, Final, cast

import pytest

_FILE: Final = Path(__file__).parent / "vectors" / "access_authn.json"
AUTHN: Final = cast("dict[str, Any]", json.loads(_FILE.read_text()))


def authn_cases(kind: str) -> list[Any]:
    """List the cases of one kind as parameters of a test, named by their ids."""
    return [pytest.param(case, id=case["id"]) for case in AUTHN["cases"] if case["kind"] == kind]


def shared(part: str, value: object) -> Any:  # noqa: ANN401  parts of JSON
    """Give a part of a case: itself, or the shared part that it names."""
    return AUTHN[part][value] if isinstance(value, str) else value
