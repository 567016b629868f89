"""The caller of a request, and whether a request that lasts is still allowed.

    request -> Caller -> User
    request -> Permit; Permit, snapshot -> nothing, or the refusal that ends the request

The layer of access control sets both for the routes, and removes the credentials from the headers.
Without authentication there is no permit, and every caller may do everything.

Source: access.md 1, 1.1, 1.10 and 2.9.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.types import Scope

from app.api.access.authority import first_refusal, visible
from app.api.credentials.outcomes import Method
from app.api.errors import Unauthenticated
from app.domain.access.attributes import Attributes
from app.domain.access.impersonation import Impersonation, impersonated
from app.domain.access.refusals import Refused
from app.domain.access.subjects import UNSECURED, User
from app.domain.access.tokens import StoredToken
from app.domain.errors import DomainError, Expired
from app.domain.snapshot import Snapshot

_PERMIT: Final = "waypost.permit"
_ALL: Final = frozenset({""})  # the limit of a list or watch whose caller may see all namespaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user that a request acts for, and by which credential.

    ``real`` is another user than ``user`` while one is impersonated.  ``credential_id`` is never a
    secret; ``expires_at`` is None for a credential without an end.
    """

    user: User
    real: User
    method: Method = Method.NONE
    credential_id: str = ""
    expires_at: datetime | None = None
    impersonation: Impersonation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """The rights that a request was allowed by, and whether it has them at another state.

    ``namespaces`` are those that a list or watch with ``visible=true`` was limited to.
    """

    caller: Caller
    asked: tuple[Attributes, ...]
    tokens_of: Callable[[Snapshot], Mapping[str, StoredToken]]
    now: Callable[[], datetime]
    namespaces: frozenset[str] | None = None

    def asking(
        self, asked: Iterable[Attributes], namespaces: frozenset[str] | None = None
    ) -> "Permit":
        """Give the permit of a request whose route knows the attributes that it needs."""
        return replace(self, asked=tuple(asked), namespaces=namespaces)

    @property
    def holder(self) -> str:
        """The user whose share of the limits the request takes: the one that authenticated.

        Who acts for others so has no more than its own share.
        """
        return self.caller.real.name

    @property
    def has_ended(self) -> bool:
        """Whether the credential is past its end now."""
        return self.has_ended_at(self.now())

    def has_ended_at(self, now: datetime) -> bool:
        """Whether the credential is past its end at a time."""
        return self.caller.expires_at is not None and now >= self.caller.expires_at

    @property
    def left_s(self) -> float:
        """Seconds until the credential is past its end; infinite without one."""
        end = self.caller.expires_at
        return math.inf if end is None else (end - self.now()).total_seconds()

    def refusal(self, snapshot: Snapshot, *, is_past: bool = False) -> DomainError | None:
        """Give the refusal of the request at a state; None if it is allowed.

        A state is past if it precedes the authentication: there the token of the caller may not
        have been issued yet.  In a present one it is unknown only if it was revoked, or if the
        database has lost the commit that issued it.
        """
        caller = self.caller
        if self.has_ended or self._is_revoked(snapshot, is_past=is_past):
            return Unauthenticated()
        if caller.impersonation is not None:
            found = impersonated(snapshot, caller.real, caller.impersonation)
            if isinstance(found, Refused):
                return found.error
        if self.namespaces is not None:
            return self._visible_refusal(snapshot, self.namespaces)
        refused = first_refusal(snapshot, caller.user, self.asked)
        return None if refused is None else refused.error

    def require(self, snapshot: Snapshot) -> None:
        """Raise why the request is not allowed at a present state."""
        if (refusal := self.refusal(snapshot)) is not None:
            raise refusal

    def _is_revoked(self, snapshot: Snapshot, *, is_past: bool) -> bool:
        if self.caller.method is not Method.TOKEN:
            return False
        stored = self.tokens_of(snapshot).get(self.caller.credential_id)
        return not is_past if stored is None else stored.revoked_at is not None

    def _visible_refusal(self, snapshot: Snapshot, known: frozenset[str]) -> DomainError | None:
        try:
            seen = visible(snapshot, self.caller.user, self.asked)
        except DomainError as refusal:
            return refusal
        if (_ALL if seen is None else seen) != known:
            return Expired("the visible namespaces have changed: list again")
        return None


def set_permit(scope: Scope, permit: Permit) -> None:
    """Set the permit of a request for everything behind the layer."""
    scope[_PERMIT] = permit


def permit_of(scope: Scope) -> Permit | None:
    """Give the permit of a request; None while authentication is off."""
    permit = scope.get(_PERMIT)
    assert permit is None or isinstance(permit, Permit), "only the layer sets it"
    return permit


def limited(
    request: Request, snapshot: Snapshot, asked: Iterable[Attributes]
) -> tuple[Permit | None, frozenset[str] | None]:
    """Limit a list or watch to the namespaces that its caller may see; None is all of them.

    Raises Forbidden when there is none.
    """
    permit = permit_of(request.scope)
    if permit is None:
        return None, None
    wanted = tuple(asked)
    namespaces = visible(snapshot, permit.caller.user, wanted)
    return permit.asking(wanted, _ALL if namespaces is None else namespaces), namespaces


async def caller_of(request: Request) -> Caller:
    """Give the caller of a request."""
    permit = permit_of(request.scope)
    return Caller(user=UNSECURED, real=UNSECURED) if permit is None else permit.caller


async def user_of(request: Request) -> User:
    """Give the user that a request acts for."""
    return (await caller_of(request)).user


CallerOf = Annotated[Caller, Depends(caller_of)]
UserOf = Annotated[User, Depends(user_of)]
