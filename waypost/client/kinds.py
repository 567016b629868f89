"""Kinds of objects by the names that manifests have.

    "Service" | models.Service -> Kind -> /services/default/ent

A typed document stands for its kind too: the class is named as the kind.
"""

from collections.abc import Mapping
from typing import Final

from waypost.client.errors import InvalidArgument, shown
from waypost.client.kind_table import KINDS
from waypost.client.paths import Kind
from waypost.client.shapes import text

KINDS_BY_NAME: Final[Mapping[str, Kind]] = {each.name: each for each in KINDS}


def kind_of(kind: type | str) -> Kind:
    """Give the kind of a name, or of a class of ``models``; raises InvalidArgument."""
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", repr(kind))
    found = KINDS_BY_NAME.get(name)
    if found is None:
        known = ", ".join(sorted(KINDS_BY_NAME))
        raise InvalidArgument(f"there is no kind '{shown(name)}'; there are {known}")
    return found


def kind_of_manifest(manifest: Mapping[str, object]) -> Kind:
    """Give the kind that a manifest states; raises InvalidArgument."""
    return kind_of(text(manifest, "kind"))
