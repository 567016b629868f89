"""The wire shape of one event of a watch.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from app.domain.changes import ChangeType
from app.schemas.base import Output, component, one_of
from app.schemas.objects.metadata import ObjectMeta

OBJECT: Final = "WatchedObject"
"""The name of the union of all that an event may be about, which the document makes."""
_TYPES = one_of(
    "WatchEventType",
    *ChangeType,
    "ERROR",
    description="What an event is: a change, a bookmark, or the error that ends the stream.",
)


class Bookmark(Output):
    """The revision that a watch of several kinds has reached, from which it can be resumed.

    A watch of one kind has an object of that kind instead, with these metadata alone.
    """

    kind: Literal["Bookmark"]
    api_version: Literal["v1"]
    metadata: ObjectMeta = Field(
        description="Only `resourceVersion`, and the annotation `k8s.io/initial-events-end` when "
        "all objects that there were at the start have been sent."
    )


class WatchEvent(Output):
    """One event: the object after a change, or before its deletion."""

    type: Annotated[str, _TYPES] = Field(description="What happened to the object.")
    object: Annotated[dict[str, JsonValue], component(OBJECT, {})] = Field(
        description="The object; with `ERROR` a `Status`."
    )
