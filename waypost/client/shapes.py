"""JSON of any shape, read as what it ought to be: another shape reads as empty.

Servers, and the manifests of callers, may contain anything.
"""

from collections.abc import Mapping
from typing import Any, cast


def mapping(found: object) -> Mapping[str, Any]:
    """Return a JSON object; empty for anything else."""
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def text(container: object, name: str) -> str:
    """Return a text of a JSON object; empty for anything else."""
    found = mapping(container).get(name)
    return found if isinstance(found, str) else ""
