"""Paths of objects and of their collections, and the names in manifests.

    plural, namespace, name -> /pods/default/ent-1          manifest -> (namespace, name)

Source: contract.md, "Routes".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from waypost.client.shapes import mapping, text

DEFAULT_NAMESPACE: Final = "default"  # of manifests that state none


def path_of(plural: str, namespace: str, name: str) -> str:
    """Give the path of one object; its name may have letters that paths do not.

    ``namespace`` is empty for a kind without namespaces.
    """
    steps = (plural, namespace, name) if namespace else (plural, name)
    return "".join(f"/{quote(step, safe='')}" for step in steps)


def key_of(manifest: Mapping[str, object]) -> tuple[str, str]:
    """Give the namespace and the name of a manifest; raises ValueError when it has no name."""
    metadata = mapping(manifest.get("metadata"))
    name = text(metadata, "name")
    if not name:
        raise ValueError("the manifest has no metadata.name")
    return text(metadata, "namespace") or DEFAULT_NAMESPACE, name


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of objects, and the place of its collection."""

    name: str
    api_version: str
    plural: str
    is_namespaced: bool

    @property
    def path(self) -> str:
        """The path of the collection."""
        return f"/{self.plural}"

    def path_of(self, namespace: str, name: str) -> str:
        """Give the path of one object; the namespace says nothing of a kind without them."""
        return path_of(self.plural, namespace if self.is_namespaced else "", name)
