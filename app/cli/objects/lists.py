"""Lists of objects, as far as the caller may see them, and the hints for those that are missing.

kind, namespace, selectors -> GET -> the list;  a missing name -> the nearest ones
"""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from app.cli.client import Api
from app.cli.fields import Json, mapping, mappings, text
from app.cli.kinds import Kind, kind_named, object_path
from app.cli.objects.arguments import Named
from app.cli.output import print_warning
from waypost.client.errors import NotFound, Refused, WaypostError, refusal_of

NAMES_MAX: Final = 500  # names that a missing one is compared with
_PLACES_MAX: Final = 3  # namespaces that a hint names


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects of a kind: those of a namespace, or of all; and selectors."""

    namespace: str
    is_everywhere: bool = False
    labels: str = ""
    fields: str = ""

    @property
    def selects(self) -> bool:
        """Whether it chooses among many objects, so that a name makes no sense beside it."""
        return bool(self.is_everywhere or self.labels or self.fields)

    def query_of(self, kind: Kind) -> dict[str, str]:
        """Give the query of a list of a kind."""
        within = kind.is_namespaced and not self.is_everywhere
        return {
            "namespace": self.namespace if within else "",
            "labelSelector": self.labels,
            "fieldSelector": self.fields,
        }


def listed(server: Api, kind: Kind, scope: Scope) -> Json:
    """List objects; those of all namespaces only as far as the caller may see them."""
    path, query = f"/{kind.plural}", scope.query_of(kind)
    try:
        return server.ask("GET", path, query=query)
    except Refused as refusal:
        if refusal.code != HTTPStatus.FORBIDDEN or query["namespace"] or not kind.is_namespaced:
            raise
    visible = server.ask("GET", path, query={**query, "visible": True})
    print_warning(f"you may not list {kind.plural} everywhere: these are of visible namespaces")
    return visible


def read(server: Api, wanted: Named) -> Json:
    """Read one object; raises NotFound with the nearest names."""
    try:
        return server.ask("GET", wanted.path)
    except NotFound as missing:
        raise with_hint(server, missing, wanted) from None


def with_hint(server: Api, missing: Refused, wanted: Named) -> Refused:
    """Add to a refusal for a missing name what was probably meant."""
    hint = _hint(server, wanted)
    message = f"{text(missing.status, 'message')}{hint}"
    return refusal_of({**missing.status, "message": message}, code=missing.code)


def missing_namespace(server: Api, namespace: str) -> str:
    """Word that a namespace does not exist, with the nearest one; empty when it does."""
    namespaces = kind_named("ns")
    try:
        server.ask("GET", object_path(namespaces, "", namespace))
    except NotFound:
        return f'; there is no namespace "{namespace}"{_meant_namespace(server, namespace)}'
    except WaypostError:
        return ""  # it is only a hint
    return ""


def _meant_namespace(server: Api, namespace: str) -> str:
    try:
        return _meant(namespace, [name for _, name in _names(server, kind_named("ns"))])
    except WaypostError:
        return ""


def _hint(server: Api, wanted: Named) -> str:
    try:
        found = list(_names(server, wanted.kind))
    except WaypostError:
        return ""
    places = [place for place, name in found if name == wanted.name]
    if places:
        return f"; there is one in {', '.join(sorted(places)[:_PLACES_MAX])}"
    return _meant(wanted.name, [name for place, name in found if place == wanted.namespace])


def _names(server: Api, kind: Kind) -> Iterator[tuple[str, str]]:
    query = {"limit": NAMES_MAX, "visible": kind.is_namespaced}
    for each in mappings(server.ask("GET", f"/{kind.plural}", query=query, warn=_ignore), "items"):
        metadata = mapping(each, "metadata")
        yield text(metadata, "namespace"), text(metadata, "name")


def _ignore(_: str) -> None:
    """Drop a warning: a hint is no place for it."""


def _meant(name: str, known: list[str]) -> str:
    from app.cli.nearest import did_you_mean  # noqa: PLC0415  for mistakes alone

    return did_you_mean(name, known)
