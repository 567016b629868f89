"""No cache stores what was authorised for one caller."""

import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access.identity import Caller, Permit, set_permit
from app.api.access.unstored import Unstored
from app.api.credentials.outcomes import Method
from app.domain.access.subjects import ANONYMOUS, User
from app.domain.access.tokens import stored_by_id
from tests.memory_writer import EPOCH
from tests.registries import a_client

ALICE = User(name="alice")
Headers = dict[str, str]


def an_app(method: Method | None, headers: Headers) -> ASGIApp:
    """An application behind the layer, whose callers authenticate in one way, or in none."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("", headers=headers)(scope, receive, send)

    inner = Unstored(answering)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if method is not None:
            user = ANONYMOUS if method is Method.ANONYMOUS else ALICE
            caller = Caller(user=user, real=user, method=method)
            permit = Permit(caller=caller, asked=(), tokens_of=stored_by_id, now=lambda: EPOCH)
            set_permit(scope, permit)
        await inner(scope, receive, send)

    return app


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        *((method, {}, "no-store") for method in Method if method is not Method.ANONYMOUS),
        (Method.TOKEN, {"Cache-Control": "private"}, "private"),
        (Method.ANONYMOUS, {}, None),
        (None, {}, None),
    ],
)
async def test_the_answer_to_credentials_is_not_stored(
    method: Method | None, headers: Headers, expected: str | None
) -> None:
    async with a_client(an_app(method, headers)) as client:
        answer = await client.get("/")
    assert answer.headers.get("cache-control") == expected
    assert answer.headers.get_list("cache-control") == ([expected] if expected else [])
