"""The wire shapes of collections: a page of objects at one revision.

    kind, revision -> bytes of a list but for its items

Source: spec kubernetes-api 5.1 and 5.3.
"""

from typing import Literal

from pydantic import Field
from pydantic_core import to_json

from app.domain.names import Revision
from app.domain.objects.kinds import Kind
from app.schemas.base import Output
from app.schemas.objects.endpoint_slice import EndpointSliceRead
from app.schemas.objects.namespace import NamespaceRead
from app.schemas.objects.node import NodeRead
from app.schemas.objects.pod import PodRead
from app.schemas.objects.service import ServiceRead
from app.schemas.objects.service_cidr import ServiceCIDRRead


class ListMeta(Output):
    """The revision a list shows, and how to get the rest of it."""

    resource_version: str = Field(
        description="The revision the list shows; a watch may start here.", examples=["42"]
    )
    continue_: str | None = Field(
        default=None, description="Ask again with it for the next page; absent on the last one."
    )
    remaining_item_count: int | None = Field(
        default=None, description="How many objects follow, when no selector is given."
    )


class ServiceList(Output):
    """A page of Services, by namespace and name."""

    api_version: Literal["v1"]
    kind: Literal["ServiceList"]
    metadata: ListMeta
    items: list[ServiceRead]


class PodList(Output):
    """A page of Pods, by namespace and name."""

    api_version: Literal["v1"]
    kind: Literal["PodList"]
    metadata: ListMeta
    items: list[PodRead]


class NodeList(Output):
    """A page of Nodes, by name."""

    api_version: Literal["v1"]
    kind: Literal["NodeList"]
    metadata: ListMeta
    items: list[NodeRead]


class NamespaceList(Output):
    """A page of Namespaces, by name."""

    api_version: Literal["v1"]
    kind: Literal["NamespaceList"]
    metadata: ListMeta
    items: list[NamespaceRead]


class EndpointSliceList(Output):
    """A page of EndpointSlices, by namespace and name."""

    api_version: Literal["discovery.k8s.io/v1"]
    kind: Literal["EndpointSliceList"]
    metadata: ListMeta
    items: list[EndpointSliceRead]


class ServiceCIDRList(Output):
    """A page of ServiceCIDRs, by name."""

    api_version: Literal["networking.k8s.io/v1"]
    kind: Literal["ServiceCIDRList"]
    metadata: ListMeta
    items: list[ServiceCIDRRead]


def encode_list_head(
    kind: Kind,
    revision: Revision,
    *,
    continue_token: str = "",
    remaining: int | None = None,
) -> bytes:
    """Spell a page as JSON but for its items, which follow as its last field."""
    meta: dict[str, object] = {"resourceVersion": str(revision)}
    if continue_token:
        meta["continue"] = continue_token
    if remaining is not None:
        meta["remainingItemCount"] = remaining
    return to_json({"apiVersion": kind.api_version, "kind": f"{kind.name}List", "metadata": meta})
