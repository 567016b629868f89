"""The wire shape of one event of a watch.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

from typing import Any, Literal, Union, cast

from pydantic import BaseModel, Field, create_model

from app.schemas.base import Output
from app.schemas.objects.wires import WIRES
from app.schemas.status import Status


class BookmarkMeta(Output):
    """The revision that the stream has reached."""

    resource_version: str = Field(examples=["42"])
    annotations: dict[str, str] | None = Field(
        None, description="Says when the objects that were there at the start have been sent."
    )


class Bookmark(Output):
    """A revision to resume from."""

    kind: str = Field(examples=["Service"])
    api_version: str = Field(examples=["v1"])
    metadata: BookmarkMeta


_EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
_Objects: Any = cast("Any", Union)[
    (*(wire.read for wire in WIRES if not wire.resource.is_internal), Bookmark, Status)
]

WatchLine: type[BaseModel] = create_model(
    "WatchLine",
    __base__=Output,
    __doc__="One event: the object after the change, or before a deletion.",
    type=(_EventType, ...),
    object=(_Objects, ...),
)
