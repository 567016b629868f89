"""Answer a list: a page of objects, encoded piece by piece.

    ListQuery -> Listing -> Page -> bytes

A long list is encoded in pieces between which other requests get their turn;
the snapshot it comes from does not change meanwhile.
"""

import asyncio
import json

from fastapi import Request, Response

from app.api.dependencies import Registry
from app.api.forms import JSON, chosen_form
from app.api.list_options import require_consistent
from app.api.representation import answer, shown
from app.domain import errors
from app.domain.fields import parse_field_selector
from app.domain.label_queries import parse_selector
from app.domain.objects.kinds import Kind
from app.registry.listing import Listing, Page, list_page
from app.schemas.codec import encode_bytes
from app.schemas.lists import encode_list
from app.schemas.metadata import asked_revision
from app.schemas.queries import ListQuery

OBJECTS_A_PIECE = 200  # objects encoded before others get their turn


async def answer_list(
    request: Request, query: ListQuery, registry: Registry, kind: Kind
) -> Response:
    """List objects of a kind as the query asks."""
    listing = listing_of(query, kind)
    if query.resource_version and not query.continue_:
        await registry.view.wait_for(asked_revision(query.resource_version))
    page = list_page(registry.view, listing)
    body = encode_list(
        kind,
        await _encoded(page),
        page.revision,
        continue_token=page.token,
        remaining=page.remaining,
    )
    if chosen_form(request) == JSON:
        return Response(shown(request, body), media_type=JSON)
    return answer(request, json.loads(body))


def listing_of(query: ListQuery, kind: Kind) -> Listing:
    """Read what is to be listed; raises BadRequest for selectors that cannot be read."""
    require_consistent(query)
    is_exact = query.resource_version_match == "Exact"
    if query.continue_ and query.resource_version not in ("", "0"):
        raise errors.BadRequest("resourceVersion may not be given together with continue")
    exact = asked_revision(query.resource_version) if is_exact else None
    return Listing(
        kind=kind,
        namespace=query.namespace if kind.is_namespaced else "",
        labels=parse_selector(query.label_selector),
        fields=parse_field_selector(query.field_selector, kind.name),
        limit=query.limit,
        token=query.continue_,
        exact_revision=exact,
    )


async def _encoded(page: Page) -> list[bytes]:
    """Encode objects, letting others have their turn every now and then."""
    encoded: list[bytes] = []
    for first in range(0, len(page.objects), OBJECTS_A_PIECE):
        piece = page.objects[first : first + OBJECTS_A_PIECE]
        encoded.extend(encode_bytes(registered) for registered in piece)
        await asyncio.sleep(0)
    return encoded
