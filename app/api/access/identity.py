"""The caller of a request, as the layer of access control left it for the routes.

    request -> Caller -> User

Nothing behind that layer sees credentials: it takes them out of the headers.
Source: access.md 1 and 1.1.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.types import Scope

from app.api.credentials.outcomes import Method
from app.domain.access.subjects import UNSECURED, User

_CALLER: Final = "waypost.caller"


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


_EVERYBODY: Final = Caller(user=UNSECURED, real=UNSECURED)
"""The caller of every request while authentication is off."""


def set_caller(scope: Scope, caller: Caller) -> None:
    """Leave the caller of a request for what is behind the layer."""
    scope[_CALLER] = caller


async def caller_of(request: Request) -> Caller:
    """Give the caller of a request."""
    caller = request.scope.get(_CALLER, _EVERYBODY)
    assert isinstance(caller, Caller), "only the layer of access control sets it"
    return caller


async def user_of(request: Request) -> User:
    """Give the user that a request acts for."""
    return (await caller_of(request)).user


CallerOf = Annotated[Caller, Depends(caller_of)]
UserOf = Annotated[User, Depends(user_of)]
