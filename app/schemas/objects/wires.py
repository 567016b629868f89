"""The wire shape of every kind, one line each.

    Resource -> Wire
    document -> violations, a path and a count for each list that is too long
    wire shape before, wire shape wanted -> the wanted one, with its linked fields in sync

Source: style.md 2; docs/decisions/0016; spec kubernetes-api 1.9 for linked fields.
"""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from app.domain.errors import BadRequest, Violation
from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES_BY_KIND
from app.domain.violations import too_many
from app.schemas.documents.containers import Container, containers_in
from app.schemas.documents.paths import join_path, named_members_of
from app.schemas.objects import endpoint_slice, namespace, node, pod, service, service_cidr
from app.schemas.objects.access import bindings, roles, tokens
from app.schemas.objects.wire import Wire

LIST_MAX: Final = 1_000  # members of a list in an object, to bound the cost of processing it

WIRES: tuple[Wire, ...] = (
    service.WIRE,
    pod.WIRE,
    endpoint_slice.WIRE,
    node.WIRE,
    namespace.WIRE,
    service_cidr.WIRE,
    roles.ROLE_WIRE,
    roles.CLUSTER_ROLE_WIRE,
    bindings.ROLE_BINDING_WIRE,
    bindings.CLUSTER_ROLE_BINDING_WIRE,
    tokens.WIRE,
)
"""Every kind, in the order in which the API's documents list them."""

_WIRES_BY_RESOURCE: Mapping[AnyResource, Wire] = {wire.resource: wire for wire in WIRES}


def wire_of(resource: AnyResource) -> Wire:
    """Give the wire shape of a kind."""
    return _WIRES_BY_RESOURCE[resource]


def require_short_lists(document: Mapping[str, object], resource: AnyResource) -> None:
    """Raise BadRequest, with a cause for each list of an object that is too long.

    A kind may have its own limits, which are validated with its other rules.
    """
    if wire_of(resource).has_own_list_limits or not _has_long_list(document):
        return
    if causes := tuple(_too_long(document)):
        raise BadRequest(f"the object is too large: {', '.join(map(str, causes))}", causes=causes)


def _has_long_list(document: Mapping[str, object]) -> bool:
    """Whether any list is too long; most documents have none, whose paths need not be made."""
    pending: list[Container] = [dict(document)]
    while pending:
        value = pending.pop()
        if isinstance(value, list) and len(value) > LIST_MAX:
            return True
        pending.extend(containers_in(value))
    return False


def _too_long(document: Mapping[str, object]) -> Iterator[Violation]:
    pending: list[tuple[str, object]] = [("", document)]
    while pending:
        path, value = pending.pop()
        members = [*named_members_of(value)]
        if isinstance(value, list) and len(members) > LIST_MAX:
            yield too_many(path, len(members), LIST_MAX)
            continue
        pending.extend((join_path(path, step), below) for step, below in members if _holds(below))


def _holds(value: object) -> bool:
    return isinstance(value, dict | list)


def in_step(current: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, object]:
    """Drop a singular field that is unchanged although its list has changed.

    If both are given and differ, the singular one wins, as in Kubernetes.  Without this step, a
    change of the list alone would be overridden.  Services have their own rules for this.
    """
    result = dict(wanted)
    resource = RESOURCES_BY_KIND.get(str(current.get("kind")))
    linked = None if resource is None else wire_of(resource).linked
    if linked is None:
        return result
    part, singular, plural = linked
    before, after = current.get(part), wanted.get(part)
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return result
    was, is_ = cast("Mapping[str, object]", before), cast("Mapping[str, object]", after)
    if was.get(singular) == is_.get(singular) and was.get(plural) != is_.get(plural):
        result[part] = {key: value for key, value in is_.items() if key != singular}
    return result
