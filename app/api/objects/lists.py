"""Answers with lists: a page of objects, encoded and sent piece by piece.

    ListQuery -> Listing -> Page -> pieces of bytes

A long list is encoded as its client reads it, in pieces that yield to the event loop; the
objects of the page do not change meanwhile.  Joined, the pieces equal the whole list written
at once, in JSON, indented JSON or YAML; where writing takes longer, they have fewer objects.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from app.api.access.identity import limited
from app.api.access.requirements import collection, is_limited
from app.api.dependencies import Registry
from app.api.http.content_negotiation import JSON, YAML, chosen_form, indented, is_pretty
from app.domain import errors
from app.domain.errors import CauseReason, Invalid, Violation
from app.domain.fields import parse_field_selector
from app.domain.label_queries import parse_selector
from app.domain.objects.resource import AnyResource, Object, Resource, T
from app.registry.reads.pagination import Listing
from app.registry.yielding_lock import YieldingLock
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.objects.encoding import ENCODER, OBJECTS_A_PIECE, OCTETS_A_PIECE
from app.schemas.objects.lists import encode_list_head
from app.schemas.objects.metadata import asked_revision, is_revision
from app.schemas.queries import ListQuery

READ_S_MIN = 30.0  # seconds that any client may take to read a list
READ_OCTETS_A_S = 65_536  # mean rate at which it must read beyond them
INDENTED_OCTETS_A_PIECE = 32 << 10  # of plain JSON: some 6 ms of work
YAML_OCTETS_A_PIECE = 8 << 10

Pieces = Iterable[list[bytes]]


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
    headers: dict[str, str] = {}
    if is_limited(kind, request.query_params):
        asked = (collection(kind, request.query_params),)
        _, namespaces = limited(request, registry.view.require_synced(), asked)
        listing = replace(listing, namespaces=namespaces)
        headers = namespaces_header(namespaces)
    page = await registry.lists.page(listing)
    head = encode_list_head(
        kind, page.revision, continue_token=page.token, remaining=page.remaining
    )
    found = page.objects if shown is None else map(shown, cast("Iterable[T]", page.objects))
    objects = ENCODER.pieces(found, octets_max=form.octets_a_piece)
    pieces = made_under(form.write(head, objects), registry.lists.yielding_lock)
    if len(page.objects) <= OBJECTS_A_PIECE:
        body = b"".join([piece async for piece in pieces])
        return Response(body, headers=headers, media_type=form.media_type)
    return StreamingResponse(read_in_time(pieces), headers=headers, media_type=form.media_type)


def namespaces_header(namespaces: frozenset[str] | None) -> dict[str, str]:
    """Name the namespaces that a list or watch was limited to; none if it has all of them."""
    return {} if namespaces is None else {"Waypost-Namespaces": ",".join(sorted(namespaces))}


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


@dataclass(frozen=True, slots=True)
class ListForm:
    """One form of a list, with the octets of plain JSON in a piece."""

    media_type: str
    octets_a_piece: int
    write: Callable[[bytes, Pieces], Iterator[bytes]]
    """Takes the list without its items, and the items; yields no empty piece."""


def list_form(request: Request) -> ListForm:
    """Choose the form that the client accepts; raises NotAcceptable when it accepts none."""
    if chosen_form(request) == YAML:
        return _YAML
    return _INDENTED if is_pretty(request) else _JSON


def _plain(head: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield b'%b,"items":[' % head.removesuffix(b"}")
    separator = b""
    for piece in pieces:
        yield separator + b",".join(piece)
        separator = b","
    yield b"]}"


def _with_indent(head: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield b'%b,\n  "items": [' % indented(head).removesuffix(b"\n}\n")
    separator, end = b"\n", b"]\n}\n"
    for piece in pieces:
        inner = [indented(body).rstrip().replace(b"\n", b"\n    ") for body in piece]
        yield separator + b",\n".join([b"    " + body for body in inner])
        separator, end = b",\n", b"\n  ]\n}\n"
    yield end


def _as_yaml(head: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield encode_yaml(json.loads(head))
    title, end = b"items:\n", b"items: []\n"
    for piece in pieces:
        yield title + encode_yaml([json.loads(body) for body in piece])
        title, end = b"", b""
    if end:
        yield end


_JSON = ListForm(JSON, OCTETS_A_PIECE, _plain)
_INDENTED = ListForm(JSON, INDENTED_OCTETS_A_PIECE, _with_indent)
_YAML = ListForm(YAML, YAML_OCTETS_A_PIECE, _as_yaml)


_MATCH, _INITIAL = "resourceVersionMatch", "sendInitialEvents"
_ANY_REVISION = frozenset({"", "0"})


def require_consistent(query: ListQuery) -> None:
    """Raise Invalid when the parameters of a list or a watch contradict each other."""
    problems = _watch_problems(query) if query.watch else _list_problems(query)
    if causes := [Violation(CauseReason.FORBIDDEN, *problem) for problem in problems]:
        raise Invalid("ListOptions", "", causes)


def require_start(text: str, field: str) -> None:
    """Raise Invalid when the start of a stream is not a revision."""
    if text and not is_revision(text):
        message = f'Invalid value: "{text}": must be decimal'
        raise Invalid("ListOptions", "", (Violation(CauseReason.INVALID, field, message),))


def _list_problems(query: ListQuery) -> Iterable[tuple[str, str]]:
    if query.send_initial_events is not None:
        yield _INITIAL, "sendInitialEvents is forbidden for list"
    if not query.resource_version_match:
        return
    if query.continue_:
        yield _MATCH, "resourceVersionMatch is forbidden when continue is provided"
    if not query.resource_version:
        yield _MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif query.resource_version_match == "Exact" and query.resource_version in _ANY_REVISION:
        yield _MATCH, 'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'


def _watch_problems(query: ListQuery) -> Iterable[tuple[str, str]]:
    if query.resource_version_match and query.send_initial_events is None:
        yield (
            _MATCH,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )
    elif query.resource_version_match == "Exact":
        yield _MATCH, "resourceVersionMatch must be NotOlderThan for watch"
