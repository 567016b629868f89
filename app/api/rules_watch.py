"""Nodes that follow their rules: what changed since a revision, as soon as there is something.

    mode, node, revision -> registry.node_rules -> NodeRulesChanges | NftablesRulesChanges

Thousands of nodes wait at once, and each change wakes all of them.  So the question
that an agent asks is answered without the framework, by ``Following``; one with
anything unusual about it is left to the routes, which give the same answer.

Source: contract.md, "Routes"; style.md 2, decision 2.
"""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPMethod
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import errors as api_errors
from app.api.access.identity import permit_of
from app.api.access.requirements import objects_of, requires
from app.api.dependencies import NAME, Registry, RegistryOf, SnapshotOf
from app.api.errors import refusals, refused
from app.api.http.packing import Piece, packed_pieces, shared
from app.api.http.slots import leave_slot
from app.api.objects.representation import JSON, YAML, answer, chosen_form
from app.api.objects.waiting import Waiting
from app.domain import errors
from app.domain.bounded import Bounded
from app.domain.dataplane.ipvs.operations import Operation
from app.domain.names import Revision
from app.domain.objects.node import NODE
from app.registry.node_rules import IPVS, NFTABLES, NodeChanges, Standing
from app.schemas.documents.read import MediaType, parse_document
from app.schemas.objects.metadata import asked_revision, parse_revision
from app.schemas.queries import Query as QueryModel
from app.schemas.rules.codec import dump
from app.schemas.rules.health_checks import encode_health_check_changes
from app.schemas.rules.operations import (
    NftablesRulesChanges,
    NodeRulesChanges,
    encode_operation_list,
)

_Shareable = tuple[Operation, ...] | str

WAIT_S_MAX = 60  # seconds that a node may let itself be kept waiting for changes
STANDINGS_REMEMBERED_MAX = 16  # ways in which nodes stand, whose text is kept for the next one
BESIDE_MIN = 256  # operations that are worth a thread: to encode them takes 2 ms
BESIDE_CHARACTERS_MIN = 65_536  # of a text, the same
ENCODED_MAX = 32  # parts of plans whose bytes are kept for the next node that is given the same
NameOf = Annotated[str, Path(description=NAME, examples=["ent"])]
_PATH: Final = re.compile(rf"/nodes/([a-z0-9.-]+)/({IPVS}|{NFTABLES})/changes")
_QUERY: Final = re.compile(rb"since=(\d{1,18})(?:&timeoutSeconds=(\d{1,2}))?")
_ANY_FORM: Final = frozenset({b"", b"*/*", b"application/json"})
_REFUSALS: Final = refusals(
    errors.BadRequest,
    errors.Expired,
    api_errors.Overloaded,
    errors.NotFound,
    errors.NotSynced,
    errors.RevisionAhead,
    api_errors.NotAcceptable,
)

router = APIRouter(tags=["rules"])


@dataclass(frozen=True, slots=True)
class _Question:
    """What a node wants to know, in which mode, and how long it waits."""

    mode: str
    node: str
    since: Revision
    patience_s: int


class ChangesQuery(QueryModel):
    """Where a node is."""

    since: str = Field(description="The revision whose rules the node has.", examples=["41"])
    timeout_seconds: Annotated[int, Field(ge=0, le=WAIT_S_MAX)] = Field(
        0, description="Wait so long for something to change for this node."
    )

    def question(self, mode: str, node: str) -> _Question:
        """Give what a node asks; raises BadRequest for what is no revision."""
        return _Question(mode, node, asked_revision(self.since, "since"), self.timeout_seconds)


@router.get(
    "/nodes/{name}/ipvs/changes",
    operation_id="read_node_ipvs_changes",
    summary="Read what changed for a node in IPVS mode",
    response_model=NodeRulesChanges,
    responses=_REFUSALS,
)
@requires(objects_of(NODE, "rules"))
async def read_node_ipvs_changes(
    name: NameOf,
    query: Annotated[ChangesQuery, Query()],
    request: Request,
    registry: RegistryOf,
    snapshot: SnapshotOf,
) -> Response:
    """Answer with the operations since a revision, in order; none if nothing changed."""
    del snapshot  # what matters is that it has been waited for
    return await _answer(request, registry, query.question(IPVS, name))


@router.get(
    "/nodes/{name}/nftables/changes",
    operation_id="read_node_nftables_changes",
    summary="Read what changed for a node in nftables mode",
    response_model=NftablesRulesChanges,
    responses=_REFUSALS,
)
@requires(objects_of(NODE, "rules"))
async def read_node_nftables_changes(
    name: NameOf,
    query: Annotated[ChangesQuery, Query()],
    request: Request,
    registry: RegistryOf,
    snapshot: SnapshotOf,
) -> Response:
    """Answer with one transaction for `nft -f`, which is empty if nothing changed."""
    del snapshot
    return await _answer(request, registry, query.question(NFTABLES, name))


class Following:
    """Answers the questions of agents before the framework looks at them."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``, which answers everything else."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request, or hand it on."""
        question = _question(scope)
        if question is None:
            return self._app(scope, receive, send)
        return self._follow(question, scope, receive, send)

    async def _follow(
        self, question: _Question, scope: Scope, receive: Receive, send: Send
    ) -> None:
        scope["route"] = _ROUTES[question.mode]  # requests are counted by it
        registry: Registry = scope["app"].state.registry
        request = Request(scope, receive)
        try:
            changes = await _changes(request, registry, question)
            response = packed_pieces(request, await _pieces(changes), media_type=JSON)
        except errors.DomainError as error:
            response = refused(error)
        await response(scope, receive, send)


def _question(scope: Scope) -> _Question | None:
    """Read the question of an agent; None when it is another one, or put otherwise."""
    if scope["type"] != "http" or scope["method"] != HTTPMethod.GET:
        return None
    path = _PATH.fullmatch(scope["path"])
    query = path and _QUERY.fullmatch(scope["query_string"])
    if not path or not query or int(query[2] or 0) > WAIT_S_MAX:
        return None
    if any(name == b"accept" and value not in _ANY_FORM for name, value in scope["headers"]):
        return None
    since = parse_revision(query[1].decode())
    return _Question(path[2], path[1], since, int(query[2] or 0))


async def _answer(request: Request, registry: Registry, question: _Question) -> Response:
    pieces = await _pieces(await _changes(request, registry, question))
    if chosen_form(request) == YAML:
        body = b"".join(piece.plain for piece in pieces)
        return answer(request, parse_document(body, MediaType.JSON).content)
    return packed_pieces(request, pieces, media_type=JSON)


async def _changes(request: Request, registry: Registry, question: _Question) -> NodeChanges:
    """Ask what changed since a revision, again and again until something did or time is up."""
    view, watching = registry.view, registry.watching
    snapshot = view.require_synced()
    waiting = Waiting(view, watching, permit_of(request.scope), patience_s=question.patience_s)
    if question.since > snapshot.revision:
        snapshot = await view.wait_for(question.since)
        waiting.require_permitted()
    if question.patience_s:
        watching.require_room(waiting.user)
        leave_slot(request)
    while True:
        epoch = view.epoch
        changes = await registry.rules.changes(
            question.mode, snapshot, question.node, question.since
        )
        if question.patience_s:  # a node that follows, and has these rules
            registry.rules.positions.note(question.node, question.since)
        if changes.is_any or not await waiting.has_passed(snapshot.revision, epoch):
            return changes
        snapshot = view.snapshot


async def _pieces(changes: NodeChanges) -> list[Piece]:
    """Write changes piece by piece: what is sent to many nodes is written once."""
    head = {
        "node": changes.node,
        "since": str(changes.since),
        "resourceVersion": str(changes.revision),
    }
    own = f"{_spelt(changes.standing)},{dump(head)[1:]}"
    if isinstance(changes.plan, str):
        opening = f'{{"kind":"NodeTextChanges",{own[:-1]},"text":'
        return [Piece(opening.encode()), await _encoded(changes.plan), Piece(b"}")]
    pieces = [Piece(b'{"kind":"NodeRulesChanges","operations":[')]
    for part in filter(None, changes.plan):
        separator = [Piece(b",")] if len(pieces) > 1 else []
        pieces += [*separator, await _encoded(part)]
    return [*pieces, Piece(f"],{own}".encode())]


@lru_cache(maxsize=STANDINGS_REMEMBERED_MAX)
def _spelt(standing: Standing) -> str:
    """Write what goes with rules: mostly that nothing has changed, to every node."""
    checks = dump(encode_health_check_changes(standing.health_checks))
    return f'"healthCheckNodePorts":{checks},"nodeEligible":{dump(standing.is_eligible)}'


_known: Bounded[int, tuple[_Shareable, "Piece | asyncio.Task[Piece]"]] = Bounded(ENCODED_MAX)


async def _encoded(said: _Shareable) -> Piece:
    """Encode operations or a text, once for all nodes that are given the same object.

    What is long is encoded by a thread, for which all requests that send it wait.
    """
    known = _known.get(id(said))
    if known is None or known[0] is not said:
        is_long = len(said) > (BESIDE_CHARACTERS_MIN if isinstance(said, str) else BESIDE_MIN)
        made = asyncio.create_task(asyncio.to_thread(_piece, said)) if is_long else _piece(said)
        known = (said, made)
    _known[id(said)] = known  # what was asked for last is let go last
    return known[1] if isinstance(known[1], Piece) else await asyncio.shield(known[1])


def _piece(said: _Shareable) -> Piece:
    written = dump(said) if isinstance(said, str) else encode_operation_list(said)
    return shared(written.encode())


_ROUTES: Final = {
    mode: next(r for r in router.routes if getattr(r, "path", "").endswith(f"/{mode}/changes"))
    for mode in (IPVS, NFTABLES)
}
