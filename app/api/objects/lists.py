"""Answers with lists: a page of objects, encoded and sent piece by piece.

    ListQuery -> Listing -> Page -> pieces of bytes

A long list is encoded as its client reads it, in pieces that yield to the event loop; the
objects of the page do not change meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from typing import cast

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from app.api.dependencies import Registry
from app.api.objects.list_forms import list_form
from app.api.objects.list_options import require_consistent
from app.domain import errors
from app.domain.fields import parse_field_selector
from app.domain.label_queries import parse_selector
from app.domain.objects.resource import AnyResource, Object, Resource, T
from app.registry.reads.pagination import Listing
from app.registry.yielding_lock import YieldingLock
from app.schemas.objects.encoding import ENCODER, OBJECTS_A_PIECE
from app.schemas.objects.lists import encode_list_head
from app.schemas.objects.metadata import asked_revision
from app.schemas.queries import ListQuery

READ_S_MIN = 30.0  # seconds that any client may take to read a list
READ_OCTETS_A_S = 65_536  # mean rate at which it must read beyond them


async def answer_list(
    request: Request,
    query: ListQuery,
    registry: Registry,
    kind: Resource[T],
    *,
    shown: Callable[[T], Object] | None = None,
) -> Response:
    """List objects of a kind as the query asks; ``shown`` adds what is not stored with them."""
    listing = listing_of(query, kind)
    form = list_form(request)
    if query.resource_version and not query.continue_:
        await registry.view.wait_for(asked_revision(query.resource_version))
    page = await registry.lists.page(listing)
    head = encode_list_head(
        kind, page.revision, continue_token=page.token, remaining=page.remaining
    )
    found = page.objects if shown is None else map(shown, cast("Iterable[T]", page.objects))
    objects = ENCODER.pieces(found, octets_max=form.octets_a_piece)
    pieces = made_under(form.write(head, objects), registry.lists.yielding_lock)
    if len(page.objects) <= OBJECTS_A_PIECE:
        return Response(b"".join([piece async for piece in pieces]), media_type=form.media_type)
    return StreamingResponse(read_in_time(pieces), media_type=form.media_type)


def listing_of(query: ListQuery, kind: AnyResource) -> Listing:
    """Translate a query; raises BadRequest for invalid selectors."""
    require_consistent(query)
    is_exact = query.resource_version_match == "Exact"
    if query.continue_ and query.resource_version not in ("", "0"):
        raise errors.BadRequest("resourceVersion may not be given together with continue")
    exact = asked_revision(query.resource_version) if is_exact else None
    return Listing(
        kind=kind,
        namespace=query.namespace if kind.is_namespaced else "",
        labels=parse_selector(query.label_selector),
        fields=parse_field_selector(query.field_selector, kind),
        limit=query.limit,
        token=query.continue_,
        exact_revision=exact,
    )


async def made_under(pieces: Iterator[bytes], lock: YieldingLock) -> AsyncGenerator[bytes, None]:
    """Make each piece under the lock."""
    while True:
        async with lock:
            piece = next(pieces, b"")
        if not piece:
            return
        yield piece


async def read_in_time(
    pieces: AsyncIterable[bytes],
    *,
    s_min: float = READ_S_MIN,
    octets_a_s: float = READ_OCTETS_A_S,
) -> AsyncGenerator[bytes, None]:
    """Yield pieces to a client; raises TimeoutError when it reads too slowly."""
    clock, waited_s, octets = asyncio.get_running_loop(), 0.0, 0
    async for piece in pieces:
        given_s = clock.time()
        yield piece
        waited_s += clock.time() - given_s
        octets += len(piece)
        if waited_s > s_min + octets / octets_a_s:
            raise TimeoutError(f"a list is read too slowly: {octets} octets in {waited_s:.0f} s")
