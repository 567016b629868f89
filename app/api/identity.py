"""The user of a request, as the gate left it for the routes.

    request -> User, and the node or replica that a token is bound to

Nothing behind the gate sees credentials: it takes them out of the headers.
Source: access.md sections 1 and 1.1.
"""

from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.types import Scope

from app.domain.access.subjects import UNSECURED, User

_USER: Final = "waypost.user"


def set_user(scope: Scope, user: User) -> None:
    """Leave the user of a request for what is behind the gate."""
    scope[_USER] = user


async def user_of(request: Request) -> User:
    """Give the user of a request; while authentication is off everybody may do everything."""
    user = request.scope.get(_USER, UNSECURED)
    assert isinstance(user, User), "only the gate sets it"
    return user


UserOf = Annotated[User, Depends(user_of)]
