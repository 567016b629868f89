"""Kinds of objects by the names that manifests have.

    "Service" | models.Service -> Kind -> /services/default/ent

A typed document stands for its kind too: the class is named as the kind.
"""

from collections.abc import Mapping
from typing import Final

from waypost.client.kind_table import KINDS
from waypost.client.paths import Kind
from waypost.client.shapes import text

KINDS_BY_NAME: Final[Mapping[str, Kind]] = {each.name: each for each in KINDS}


def kind_of(kind: type | str) -> Kind:
    """Give the kind of a name, or of a class of ``models``; raises ValueError."""
    name = kind if isinstance(kind, str) else kind.__name__
    found = KINDS_BY_NAME.get(name)
    if found is None:
        known = ", ".join(sorted(KINDS_BY_NAME))
        raise ValueError(f"there is no kind {name!r}; there are {known}")
    return found


def kind_of_manifest(manifest: Mapping[str, object]) -> Kind:
    """Give the kind that a manifest states; raises ValueError."""
    return kind_of(text(manifest, "kind"))
