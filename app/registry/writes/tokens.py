"""Issue of tokens: for users that the minter may act as, and for the first administrator.

    minter, draft, text -> Token          empty registry, text -> the administrator's Token

Only the digest of the text is stored.

Source: access.md 1.2 and 1.8.
"""

from app.domain.access.minting import Minter, is_for_oneself, require_may_mint
from app.domain.access.subjects import MASTERS
from app.domain.access.tokens import digest_of, id_of
from app.domain.copies import replace
from app.domain.errors import Invalid
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.token import TOKEN, Token
from app.domain.registration.access.tokens import with_end
from app.domain.violations import forbidden
from app.domain.work import Work
from app.registry.writes import lifecycle

ADMINISTRATOR = "system:admin"


def issue(work: Work, minter: Minter, draft: Token, *, text: str) -> Token:
    """Create the token of a draft, with the given text.

    A minter's token for itself without an end gets at most that of its own credential.  Raises
    Forbidden, and Invalid with every violation.
    """
    ending = with_end(draft, work)
    if draft.expires_at is None and minter.ends_at and is_for_oneself(minter.user, draft):
        ending = replace(
            ending, expires_at=min(ending.expires_at or minter.ends_at, minter.ends_at)
        )
    require_may_mint(work.snapshot, minter, ending)
    meta = draft.metadata
    if meta.name or meta.generate_name:
        field = "metadata.name" if meta.name else "metadata.generateName"
        cause = forbidden(field, "the id of a token is a part of its text, which the server makes")
        raise Invalid(TOKEN.name, meta.name, (cause,))
    return _created(work, replace(ending, created_by=minter.user.name), text)


def issue_to_administrator(work: Work, *, text: str, created_by: str) -> Token:
    """Create a token for everything, without a check of rights; it expires like others."""
    token = Token(
        metadata=ObjectMeta(),
        user=ADMINISTRATOR,
        groups=(MASTERS,),
        description="an administrator, with every right",
        created_by=created_by,
    )
    return _created(work, token, text)


def _created(work: Work, token: Token, text: str) -> Token:
    made = replace(
        token,
        metadata=replace(token.metadata, name=id_of(text), namespace=""),
        digest=digest_of(text).hex(),
        revoked_at=None,
        last_used_at=None,
    )
    stored = lifecycle.create(work, made)
    assert isinstance(stored, Token)
    return stored
