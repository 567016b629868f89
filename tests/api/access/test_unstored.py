"""No cache stores what was authorised for one caller."""

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.access.unstored import unstored
from tests.api.access.test_layer import ALICE, a_place
from tests.registries import a_client


@pytest.mark.parametrize(
    ("headers", "expected"), [({}, "no-store"), ({"Cache-Control": "private"}, "private")]
)
async def test_an_answer_is_not_stored_unless_its_route_says_otherwise(
    headers: dict[str, str], expected: str
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("", headers=headers)(scope, receive, unstored(send))

    async with a_client(app) as client:
        answer = await client.get("/")
    assert answer.headers.get_list("cache-control") == [expected]


async def test_the_answer_to_credentials_is_not_stored_and_to_everybody_may_be() -> None:
    place = a_place()
    assert (await place.ask(token=ALICE)).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await place.ask("/livez")).headers
