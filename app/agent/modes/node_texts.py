"""Reads what a registry sends an agent in nftables mode, by hand.

    JSON -> NodeText,  or Misbehaved

A model of the wire would take longer to import than the rules of a thousand Services take to
load, and this is all that an agent needs before it has loaded them.  What is read is what
``NftablesRules`` and ``NftablesRulesChanges`` of ``app.schemas.rules`` document; tests compare.

Source: contract.md, "GET /nodes/{name}/nftables".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from app.domain.addresses import PORT_MAX
from app.domain.dataplane.rules.health_checks import (
    HealthCheckChange,
    HealthCheckChanges,
    HealthCheckNodePort,
)
from app.domain.names import NamespacedName, Revision, parse_revision
from waypost.client.errors import Misbehaved
from waypost.client.http.decoding import parse_document
from waypost.client.shapes import mapping

VALUES_MAX: Final = 4_000_000
_SET: Final = "SetHealthCheckNodePort"
_REMOVE: Final = "RemoveHealthCheckNodePort"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NodeText:
    """A text that the kernel loads, and what an agent must know beside it."""

    revision: Revision
    text: str
    health_checks: HealthCheckChanges
    is_eligible: bool


def read_whole(body: bytes) -> NodeText:
    """Read the whole rules of a node; raises Misbehaved."""
    return _read("NodeText", body, _set)


def read_changes(body: bytes) -> NodeText:
    """Read changes of the rules of a node; raises Misbehaved."""
    return _read("NodeTextChanges", body, _change)


def _read(kind: str, body: bytes, check: Callable[[object], HealthCheckChange]) -> NodeText:
    document = parse_document(body, values_max=VALUES_MAX)
    try:
        _require(document["kind"] == kind, "it is of another kind")
        return NodeText(
            revision=parse_revision(_of(document, "resourceVersion", str)),
            text=_of(document, "text", str),
            health_checks=tuple(map(check, _entries(document, "healthCheckNodePorts"))),
            is_eligible=_of(document, "nodeEligible", bool),
        )
    except (LookupError, ValueError) as error:
        raise Misbehaved(f"its answer is not a {kind}: {error}") from error


def _change(entry: object) -> HealthCheckChange:
    if _of(entry, "op", str) == _REMOVE:
        return HealthCheckChange(_service(entry))
    _require(_of(entry, "op", str) == _SET, "an unknown change of a health check")
    return _set(entry)


def _set(entry: object) -> HealthCheckChange:
    port, endpoints = _of(entry, "port", int), _of(entry, "localEndpoints", int)
    _require(0 < port <= PORT_MAX and endpoints >= 0, "a health check that nothing can serve")
    texts = tuple(_is(address, str, "addresses") for address in _entries(entry, "addresses"))
    return HealthCheckChange(_service(entry), HealthCheckNodePort(port, endpoints, texts))


def _service(entry: object) -> NamespacedName:
    named = mapping(entry).get("service")
    return NamespacedName(_of(named, "namespace", str), _of(named, "name", str))


def _of(container: object, name: str, type_: type[T]) -> T:
    """Give a field of an object; raises LookupError without it, ValueError for another type."""
    return _is(mapping(container)[name], type_, name)


def _entries(container: object, name: str) -> list[object]:
    found: object = mapping(container)[name]
    _require(isinstance(found, list), f"{name} is no list")
    return cast("list[object]", found)


def _is(value: object, type_: type[T], name: str) -> T:
    if not isinstance(value, type_) or (type_ is int and isinstance(value, bool)):
        raise ValueError(f"{name} is no {type_.__name__}")
    return value


def _require(holds: bool, problem: str) -> None:  # noqa: FBT001  the condition itself
    if not holds:
        raise ValueError(problem)
