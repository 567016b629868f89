"""Paths of objects and of their collections, and the names in manifests.

    plural, namespace, name -> /pods/default/ent-1          manifest -> (namespace, name)

Every name becomes a segment of a path here, and every path of a request is checked here: what
servers read in another way is refused.  Source: contract.md, "Routes"; RFC 3986, section 3.3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from waypost.client.errors import InvalidArgument, shown
from waypost.client.shapes import mapping, text

DEFAULT_NAMESPACE: Final = "default"  # of manifests that state none
_DOTS: Final = frozenset({".", ".."})
_NOT_OF_A_PATH: Final = re.compile(r"[^!-~]|[?#\\]")


def segment_of(name: object) -> str:
    """Write a name as one segment of a path; raises InvalidArgument.

    As in Kubernetes it is not empty, not ``.`` or ``..``, and has neither ``/`` nor ``%``.
    """
    if not isinstance(name, str):
        raise InvalidArgument(f"a name is a text, not {shown(repr(name))}")
    if not name or name in _DOTS or "/" in name or "%" in name:
        raise InvalidArgument(f"no name is {shown(repr(name))}")
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        raise InvalidArgument("a name has half a surrogate pair") from None


def checked_path(path: str) -> str:
    """Return the path of a request; raises InvalidArgument.

    It follows a URL: without a slash at its beginning it would change the host.
    """
    if not path.startswith("/") or _NOT_OF_A_PATH.search(path):
        raise InvalidArgument(
            f"{shown(repr(path))} is not a path such as /services: "
            "it begins with a slash, is quoted, and has no query"
        )
    if not _DOTS.isdisjoint(path.split("/")):
        raise InvalidArgument(f"{shown(repr(path))} leads to another path")
    return path


def path_of(plural: str, namespace: str, name: str) -> str:
    """Give the path of one object; its name may have letters that paths do not.

    ``namespace`` is empty for a kind without namespaces.  Raises InvalidArgument.
    """
    steps = (plural, name) if namespace == "" else (plural, namespace, name)
    return "".join(f"/{segment_of(step)}" for step in steps)


def key_of(manifest: Mapping[str, object]) -> tuple[str, str]:
    """Give the namespace and the name of a manifest; raises InvalidArgument without a name."""
    metadata = mapping(manifest.get("metadata"))
    name = text(metadata, "name")
    if not name:
        raise InvalidArgument("the manifest has no metadata.name")
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
        """Give the path of one object; the namespace says nothing of a kind without them.

        Raises InvalidArgument for what cannot be a namespace or a name.
        """
        if self.is_namespaced and not namespace:
            raise InvalidArgument(f"the namespace of the {self.name} is empty")
        return path_of(self.plural, namespace if self.is_namespaced else "", name)
