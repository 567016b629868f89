"""Paths of objects, and the names in their manifests.

    plural, namespace, name -> /pods/default/ent-1          manifest -> (namespace, name)

Source: contract.md, "Routes".
"""

from collections.abc import Mapping
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
