"""The wire shapes of collections: a page of objects at one revision.

    kind, revision -> bytes of a list without its items

Source: spec kubernetes-api 5.1 and 5.3.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel, Field, create_model
from pydantic_core import to_json

from app.domain.names import Revision
from app.domain.objects.resource import AnyResource
from app.schemas.base import Output
from app.schemas.objects.wire import Wire, exactly


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


@cache
def list_model(wire: Wire) -> type[BaseModel]:
    """Describe a page of objects of a kind."""
    resource = wire.resource
    order = "namespace and name" if resource.is_namespaced else "name"
    fields: dict[str, Any] = {
        "api_version": (exactly(resource.api_version), ...),
        "kind": (exactly(f"{resource.name}List"), ...),
        "metadata": (ListMeta, Field(description="The revision that is shown, and the next page.")),
        "items": (list[wire.model], Field(description="The objects of this page.")),
    }
    return create_model(
        f"{resource.name}List",
        __base__=Output,
        __doc__=f"A page of {resource.plural_name}, by {order}.",
        **fields,
    )


def encode_list_head(
    kind: AnyResource,
    revision: Revision,
    *,
    continue_token: str = "",
    remaining: int | None = None,
) -> bytes:
    """Encode a page as JSON without its items, which follow as its last field."""
    meta: dict[str, object] = {"resourceVersion": str(revision)}
    if continue_token:
        meta["continue"] = continue_token
    if remaining is not None:
        meta["remainingItemCount"] = remaining
    return to_json({"apiVersion": kind.api_version, "kind": f"{kind.name}List", "metadata": meta})
