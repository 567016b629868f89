"""The wire shape of one event of a watch.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

from typing import Literal

from pydantic import Field

from app.schemas.base import Output
from app.schemas.objects.endpoint_slice import EndpointSliceRead
from app.schemas.objects.namespace import NamespaceRead
from app.schemas.objects.node import NodeRead
from app.schemas.objects.pod import PodRead
from app.schemas.objects.service import ServiceRead
from app.schemas.objects.service_cidr import ServiceCIDRRead
from app.schemas.status import Status


class BookmarkMeta(Output):
    """Where the stream stands."""

    resource_version: str = Field(examples=["42"])
    annotations: dict[str, str] | None = Field(
        None, description="Says when the objects that were there at the start have been sent."
    )


class Bookmark(Output):
    """A revision to resume from."""

    kind: str = Field(examples=["Service"])
    api_version: str = Field(examples=["v1"])
    metadata: BookmarkMeta


class WatchLine(Output):
    """One event: the object after the change, or before it when it is gone."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: (
        ServiceRead
        | PodRead
        | EndpointSliceRead
        | NodeRead
        | NamespaceRead
        | ServiceCIDRRead
        | Bookmark
        | Status
    )
