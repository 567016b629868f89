"""Rights that routes ask for themselves, on objects that a body, a query or an answer names.

    request, kind, namespace -> nothing, or Forbidden
    snapshot, user, what is named -> nothing, or Forbidden

Source: access.md 2.4.
"""

from collections.abc import Iterable

from fastapi import Request

from app.api.access.authority import first_refusal, require
from app.api.access.identity import user_of
from app.api.access.requirements import Asked, path_itself
from app.api.dependencies import registry_of
from app.domain.access.attributes import Attributes
from app.domain.access.subjects import User
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.pod import POD
from app.domain.objects.resource import AnyResource
from app.domain.snapshot import Snapshot


async def require_creation(request: Request, kind: AnyResource, namespace: str) -> None:
    """Raise Forbidden if the caller may not create objects in the namespace of the body."""
    registry, user = await registry_of(request), await user_of(request)
    asked = Attributes(
        verb="create", api_group=kind.group, resource=kind.plural, namespace=namespace
    )
    require(registry.view.require_synced(), user, (asked,))


def path_and_pod(asked: Asked) -> Iterable[Attributes]:
    """Ask for the path, and for the Pod in whose place a name is resolved."""
    yield from path_itself(asked)
    yield from _reading(asked.query.get("pod", ""))


def require_pod(snapshot: Snapshot, user: User, pod: str) -> None:
    """Raise Forbidden if a user may not read the Pod ``namespace/name``; empty names none."""
    require(snapshot, user, _reading(pod))


def sees_endpoints(snapshot: Snapshot, user: User, namespace: str) -> bool:
    """Whether a user may list the EndpointSlices of a namespace."""
    asked = Attributes(
        verb="list",
        api_group=ENDPOINT_SLICE.group,
        resource=ENDPOINT_SLICE.plural,
        namespace=namespace,
    )
    return first_refusal(snapshot, user, (asked,)) is None


def require_heartbeats(snapshot: Snapshot, user: User, keys: Iterable[NamespacedName]) -> None:
    """Raise Forbidden if a user may not renew the lease of one of these Pods.

    An agent may name Pods that are gone.
    """
    require(
        snapshot,
        user,
        (
            Attributes(
                verb="create",
                resource=POD.plural,
                subresource="heartbeat",
                namespace=key.namespace,
                name=key.name,
            )
            for key in keys
            if user.node_name is None or key in snapshot.pods
        ),
    )


def _reading(pod: str) -> Iterable[Attributes]:
    if pod:
        namespace, _, name = pod.partition("/")
        yield Attributes(verb="get", resource=POD.plural, namespace=namespace, name=name)
