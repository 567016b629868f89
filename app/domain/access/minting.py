"""The rights that are needed to mint a token, which lets its holder act as a user.

    user -> groups and namespace that follow from it, the kind of its tokens
    snapshot, caller, token -> nothing, or Forbidden

The right to create tokens is checked before.  Each name and group needs the right to impersonate
it; without that, users may mint tokens for themselves, with no more groups and no later end than
their own credential.

Source: access.md 1.2, 1.10 and 2.7.
"""

from dataclasses import dataclass
from datetime import datetime

from app.domain.access import dns_replicas
from app.domain.access.decision import authorize
from app.domain.access.impersonation import become_attributes
from app.domain.access.quoting import quoted, quoted_list
from app.domain.access.refusals import Refused, lead_of
from app.domain.access.subjects import (
    MASTERS,
    NODES,
    User,
    parse_service_account,
    service_account_groups,
)
from app.domain.access.tokens import TokenKind
from app.domain.errors import Forbidden
from app.domain.objects.meta import format_time
from app.domain.objects.token import TOKEN, Token
from app.domain.snapshot import Snapshot

_NODE_PREFIX = "system:node:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minter:
    """The user that mints; ``ends_at`` is the end of its credential, None without one."""

    user: User
    ends_at: datetime | None = None


def is_for_node(user_name: str) -> bool:
    """Whether tokens of a user are for the agent of a node."""
    return user_name.startswith(_NODE_PREFIX)


def node_of(user_name: str) -> str:
    """Give the name of the node in the name of its user."""
    return user_name.removeprefix(_NODE_PREFIX)


def token_kind_of(user_name: str) -> TokenKind:
    """Give the kind of a user's tokens, which is their prefix."""
    if is_for_node(user_name):
        return TokenKind.NODE
    return TokenKind.REPLICA if user_name == dns_replicas.USER_NAME else TokenKind.USER


def groups_following(user_name: str) -> tuple[str, ...]:
    """Give the groups that every token of a service account or an agent has; else none."""
    if is_for_node(user_name):
        return (NODES,)
    account = parse_service_account(user_name)
    return () if account is None else service_account_groups(account[0])


def is_for_oneself(minter: User, token: Token) -> bool:
    """Whether a token is for the minter's own name, with no groups that the minter lacks."""
    groups = token.groups or groups_following(token.user)
    return token.user == minter.name and set(groups) <= set(minter.groups)


def require_may_mint(snapshot: Snapshot, minter: Minter, token: Token) -> None:
    """Raise Forbidden if the minter may not act as the user of a token.

    ``token`` is as it was sent, but for its end.
    """
    user = minter.user
    if user.is_master:
        return
    if MASTERS in token.groups:
        raise _forbidden(
            f"user {quoted(user.name)} (groups={quoted_list(user.groups)}) is no member of "
            f"{quoted(MASTERS)}, and may not create tokens of that group"
        )
    refusal = _may_not_become(snapshot, user, token)
    if refusal is None:
        return
    if not is_for_oneself(user, token):
        raise refusal.error
    if not _ends_in_time(token.expires_at, minter.ends_at):
        assert minter.ends_at is not None, "without an end every token ends in time"
        raise _forbidden(
            f"user {quoted(user.name)} may not create tokens for itself that end after its own "
            f"credential, at {format_time(minter.ends_at)}"
        )


def _may_not_become(snapshot: Snapshot, user: User, token: Token) -> Refused | None:
    # Impersonating a service account includes its groups.
    follows = () if parse_service_account(token.user) else groups_following(token.user)
    for attributes in become_attributes(token.user, token.groups or follows):
        decision = authorize(snapshot, user, attributes)
        if isinstance(decision, Refused):
            return decision
    return None


def _ends_in_time(end: datetime | None, latest: datetime | None) -> bool:
    return latest is None or (end is not None and end <= latest)


def _forbidden(words: str) -> Forbidden:
    message = lead_of(TOKEN.group, TOKEN.plural, "") + words
    return Refused(message=message, api_group=TOKEN.group, resource=TOKEN.plural).error
