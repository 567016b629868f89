"""The wire shapes of heartbeats.

    request -> keys of Pods          Renewal -> HeartbeatResult

Source: contract.md, "Routes".
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, ValidationError

from app.domain.errors import BadRequest, Violation
from app.domain.names import NamespacedName
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.violations import required
from app.schemas.base import Input, Output
from app.schemas.documents.paths import type_violations
from app.schemas.objects import metadata

HEARTBEATS_MAX = 10_000  # Pods of one request


class PodName(Input):
    """The name of a Pod."""

    namespace: str = Field(
        default=DEFAULT_NAMESPACE, description="`default` when absent.", examples=["default"]
    )
    name: str | None = Field(default=None, description="The name of the Pod.", examples=["ent-1"])
    documented_required: ClassVar = ("name",)


class Heartbeats(Input):
    """Pods whose leases are to be renewed."""

    pods: Annotated[list[PodName], Field(max_length=HEARTBEATS_MAX)] | None = Field(
        default=None, description="Up to 10000 Pods."
    )
    documented_required: ClassVar = ("pods",)


class HeartbeatResult(Output):
    """Which leases were renewed, and which Pods are not registered."""

    renewed: list[metadata.NamespacedName] = Field(
        description="Pods that are registered; their leases begin anew."
    )
    unknown: list[metadata.NamespacedName] = Field(
        description="Pods that are not registered; register them again."
    )


class NodeHeartbeatResult(Output):
    """A Node's lease was renewed."""

    node: str = Field(description="The name of the Node.", examples=["n1"])
    lease_duration_seconds: int = Field(
        description="The next heartbeat must come before that.", examples=[40]
    )


def decode_heartbeats(content: Mapping[str, object]) -> list[NamespacedName]:
    """Decode the Pods that a request names; raises BadRequest with every violation."""
    try:
        wire = Heartbeats.model_validate(content)
    except ValidationError as error:
        raise _unreadable(type_violations(error, content)) from None
    if wire.pods is None:
        raise _unreadable((required("pods"),))
    unnamed = [index for index, pod in enumerate(wire.pods) if not pod.name]
    if unnamed:
        raise _unreadable(tuple(required(f"pods[{index}].name") for index in unnamed))
    return [NamespacedName(pod.namespace, pod.name or "") for pod in wire.pods]


def encode_heartbeats(
    renewed: Iterable[NamespacedName], unknown: Iterable[NamespacedName]
) -> dict[str, object]:
    """Encode the Pods with renewed leases, and the unknown Pods."""
    return {
        outcome: [key._asdict() for key in keys]
        for outcome, keys in (("renewed", renewed), ("unknown", unknown))
    }


def _unreadable(causes: tuple[Violation, ...]) -> BadRequest:
    words = ", ".join(str(cause) for cause in causes)
    return BadRequest(f"the heartbeats cannot be read: {words}", causes=causes)
