"""Routes of tokens: to create, list and read them.

    POST body -> the right to act as that user -> Token, with its text in this answer only

Changes and revocations are the generic ones of collections.  Tokens cannot be watched.

Source: access.md 1.2 and 2.4.
"""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.access.identity import CallerOf
from app.api.access.requirements import objects_of, requires
from app.api.credentials.tokens import mint
from app.api.dependencies import RegistryOf, SnapshotOf, key_reader
from app.api.objects import operations
from app.api.objects.bodies import read_draft
from app.api.objects.collections import changes_router
from app.api.objects.lists import answer_list
from app.api.objects.representation import answer, answer_read, etag, warn
from app.domain import errors
from app.domain.access.minting import Minter, token_kind_of
from app.domain.names import NamespacedName
from app.domain.objects.token import TOKEN, Token
from app.domain.work import Work
from app.registry.writes.tokens import issue
from app.schemas.issued_token import IssuedToken, encode_issued
from app.schemas.objects.access.tokens import WIRE
from app.schemas.queries import ListQuery, WriteQuery, is_dry_run

router = APIRouter(tags=[TOKEN.plural])
changes = changes_router(WIRE)


@router.post(
    "/tokens",
    **operations.creation(
        WIRE,
        answer=IssuedToken,
        description="Issues a token; only this answer contains its text.",
    ),
)
@requires(objects_of(TOKEN))
async def create_token(
    request: Request, query: Annotated[WriteQuery, Query()], registry: RegistryOf, caller: CallerOf
) -> Response:
    """Issue a token; only this answer contains its text."""
    draft = await read_draft(request, TOKEN, query.field_validation)
    wanted, is_dry = cast("Token", draft.object), is_dry_run(query.dry_run)
    text = mint(token_kind_of(wanted.user))
    minter = Minter(user=caller.user, ends_at=caller.expires_at)

    def decide(work: Work) -> Token:
        work.user = caller.user
        return issue(work, minter, wanted, text=text)

    token = await registry.writer.write(decide, dry_run=is_dry)
    document = encode_issued(token, "" if is_dry else text)
    headers = {
        "Location": f"/{TOKEN.plural}/{token.metadata.name}",
        "ETag": etag(token),
        "Cache-Control": "no-store",
    }
    response = answer(request, document, status=HTTPStatus.CREATED, headers=headers)
    return warn(response, draft.warnings)


@router.get("/tokens", **operations.listing(WIRE, is_watched=False))
@requires(objects_of(TOKEN))
async def list_tokens(
    request: Request, query: Annotated[ListQuery, Query()], registry: RegistryOf
) -> Response:
    """List tokens, ended ones included, with their last use; `watch` is refused."""
    if query.watch:
        raise errors.BadRequest("tokens are not watched: list them again")
    return await answer_list(request, query, registry, TOKEN, shown=registry.token_uses.shown)


@router.get("/tokens/{name}", **operations.reading(WIRE))
@requires(objects_of(TOKEN))
async def read_token(
    request: Request,
    key: Annotated[NamespacedName, Depends(key_reader(TOKEN))],
    snapshot: SnapshotOf,
    registry: RegistryOf,
) -> Response:
    """Show a token with its last use."""
    found = snapshot.of(TOKEN).get(key)
    if found is None:
        raise errors.not_found(TOKEN.plural, key.name)
    return await answer_read(request, registry.token_uses.shown(found))
