"""Acting as another user: what must be allowed to the real one, and who results.

    headers -> Impersonation(attributes to ask for, resulting user)
    snapshot, real user, Impersonation -> the resulting user, or the first refusal

Source: apiserver `pkg/endpoints/filters/impersonation/impersonation.go`; access.md 1.10.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from app.domain.access.attributes import Attributes
from app.domain.access.decision import authorize
from app.domain.access.refusals import Refused
from app.domain.access.subjects import (
    ANONYMOUS,
    UNAUTHENTICATED,
    User,
    authenticated,
    parse_service_account,
    service_account_groups,
)
from app.domain.errors import BadRequest
from app.domain.snapshot import Snapshot

VERB = "impersonate"
HEADER_PREFIX = "impersonate-"
USER_HEADER = "impersonate-user"
GROUP_HEADER = "impersonate-group"
UID_HEADER = "impersonate-uid"
EXTRA_PREFIX = "impersonate-extra-"
_IDENTITIES = "authentication.k8s.io"
_MALFORMED = re.compile("%(?![0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Impersonation:
    """A wish to act as ``user``; each of ``asked`` must be allowed to the real user."""

    user: User
    asked: tuple[Attributes, ...]


def parse_impersonation(headers: Iterable[tuple[str, str]]) -> Impersonation | None:
    """Read the headers of a request, whose names may have any case; None without any.

    Of several users the first counts, as in Kubernetes.  Raises BadRequest for a group, uid or
    extra without a user.
    """
    found = [(name.lower(), value) for name, value in headers]
    name = _first(found, USER_HEADER)
    groups = tuple(value for header, value in found if header == GROUP_HEADER)
    uid = _first(found, UID_HEADER)
    extra: dict[str, tuple[str, ...]] = {}
    for header, value in found:
        if header.startswith(EXTRA_PREFIX):
            key = _unescaped(header.removeprefix(EXTRA_PREFIX))
            extra[key] = (*extra.get(key, ()), value)
    if not name:
        if groups or uid or extra:
            raise BadRequest("groups, a uid or extras are to be impersonated without a user name")
        return None
    user = User(name=name, groups=groups or _groups_of(name), uid=uid, extra=extra)
    return Impersonation(user=_completed(user), asked=(*_asked(name, groups, extra, uid),))


def impersonated(snapshot: Snapshot, user: User, wish: Impersonation) -> User | Refused:
    """Give the user to act as, or the first refusal; ``user`` is the real one."""
    for attributes in wish.asked:
        decision = authorize(snapshot, user, attributes)
        if isinstance(decision, Refused):
            return decision
    return wish.user


def become_attributes(user: str, groups: Iterable[str] = ()) -> tuple[Attributes, ...]:
    """List what must be allowed to whoever becomes a user with groups, as minting a token does."""
    return tuple(_asked(user, tuple(groups), {}, ""))


def _asked(
    user: str, groups: tuple[str, ...], extra: dict[str, tuple[str, ...]], uid: str
) -> Iterator[Attributes]:
    account = parse_service_account(user)
    if account is None:
        yield Attributes(verb=VERB, resource="users", name=user)
    else:
        namespace, name = account
        yield Attributes(verb=VERB, resource="serviceaccounts", namespace=namespace, name=name)
    for group in groups:
        yield Attributes(verb=VERB, resource="groups", name=group)
    for key, values in extra.items():
        for value in values:
            yield Attributes(
                verb=VERB,
                api_group=_IDENTITIES,
                resource="userextras",
                subresource=key,
                name=value,
            )
    if uid:
        yield Attributes(verb=VERB, api_group=_IDENTITIES, resource="uids", name=uid)


def _groups_of(name: str) -> tuple[str, ...]:
    """Give the groups of a user for whom none are named."""
    account = parse_service_account(name)
    return () if account is None else service_account_groups(account[0])


def _completed(user: User) -> User:
    if user.name != ANONYMOUS.name or UNAUTHENTICATED in user.groups:
        return authenticated(user)
    return User(
        name=user.name, groups=(*user.groups, UNAUTHENTICATED), uid=user.uid, extra=user.extra
    )


def _first(headers: list[tuple[str, str]], name: str) -> str:
    return next((value for header, value in headers if header == name), "")


def _unescaped(key: str) -> str:
    """Decode percent signs; a malformed key is taken as it is."""
    return key if _MALFORMED.search(key) else unquote(key)
