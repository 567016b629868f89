"""What access control lets be kept: the answer to a caller, while that caller may have it."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.api.credentials.tokens import mint
from app.api.http.kept_answers import KEEPING, Keeping, KeptAnswers, keep_while
from app.api.transport.connection import PEER_CERTIFICATE
from app.domain.access.subjects import NODES, node_user_name
from app.domain.access.tokens import TokenKind, id_of
from app.domain.objects.resource import Object
from tests.api.access.test_kept import toggle
from tests.api.access.test_layer import ALICE, READER, Place, a_place, routed
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_node,
    a_rule,
    a_service,
    a_subject,
    a_token,
)
from tests.memory_writer import EPOCH

AGENT, CAROL = mint(TokenKind.NODE), mint(TokenKind.USER)
WRITTEN = b"HTTP/1.1 200 OK\r\n\r\n{}"
DIGEST = b"digest"
READS_NODES = a_cluster_role(a_rule("get", "nodes"), name="reads-nodes")


async def lasting(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as a route whose answer depends on nothing."""
    keep_while(scope, lambda _: True)
    await routed(scope, receive, send)


def a_guarded_place(*objects: Object) -> Place:
    """A registry in which Carol's token ends after an hour, and what is asked for may be kept."""
    carol = a_token(CAROL, user="carol", expires_at=EPOCH + timedelta(hours=1))
    of_carol = a_cluster_role_binding(a_subject("carol"), name="of-carol", role="reads")
    return a_place(carol, of_carol, *objects, inner=lasting)


async def asked(
    place: Place, token: str = ALICE, certificate: bytes | None = None, **headers: str
) -> KeptAnswers:
    """Ask for a Service, and keep the answer if the layer lets it be kept."""
    keeping, kept = Keeping(DIGEST), KeptAnswers(place.world.view)

    async def begun(scope: Scope, receive: Receive, send: Send) -> None:
        await place.layer({**scope, KEEPING: keeping, PEER_CERTIFICATE: certificate}, receive, send)

    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent["authorization"] = f"Bearer {token}"
    transport = httpx.ASGITransport(begun)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.get("/services/default/web", headers=sent)
    kept.keep(keeping, WRITTEN, ())
    return kept


async def test_an_answer_to_a_token_is_kept_and_each_use_is_counted_and_recorded() -> None:
    place = a_guarded_place()
    kept = await asked(place)
    place.used.clear()
    for later_s in (0, 0, 60, 0, 60):
        if later_s:
            place.now += timedelta(seconds=later_s)
        assert kept.answer(DIGEST, ()) == WRITTEN
    assert place.counted("token", "success") == 6
    assert place.used == [id_of(ALICE)] * 3, "one at each time"


def stale(place: Place) -> None:
    place.is_stale = True


def an_hour_later(place: Place) -> None:
    place.now += timedelta(hours=1)


def toggled(changed: Object) -> Callable[[Place], None]:
    return lambda place: toggle(place, changed)


@pytest.mark.parametrize(
    ("change", "is_kept"),
    [
        (stale, False),
        (an_hour_later, False),
        (toggled(a_token(CAROL, user="carol")), False),
        (toggled(READER[0]), False),
        (toggled(a_cluster_role_binding(a_subject("carol"), name="of-carol")), False),
        (toggled(READS_NODES), False),
        (toggled(a_service("other")), True),
        (toggled(a_node()), True),
    ],
    ids=["stale", "expired", "revoked", "role", "binding", "other role", "service", "node"],
)
async def test_it_ends_with_what_the_permit_depends_on(
    change: Callable[[Place], None], *, is_kept: bool
) -> None:
    place = a_guarded_place()
    kept = await asked(place, CAROL)
    assert kept.answer(DIGEST, ()) == WRITTEN
    change(place)
    assert (kept.answer(DIGEST, ()) is not None) == is_kept
    assert place.counted("token", "success") == (3 if is_kept else 2)


async def test_it_comes_back_with_the_contact_to_the_database() -> None:
    place = a_guarded_place()
    kept = await asked(place)
    for is_stale in (True, False):
        place.is_stale = is_stale
        assert (kept.answer(DIGEST, ()) is None) == is_stale


MASTER = a_cluster_role(a_rule("impersonate", "users"), name="acts")
OF_AGENT = a_cluster_role_binding(a_subject(node_user_name("n1")), name="agent", role="reads")


async def test_of_other_callers_nothing_is_kept() -> None:
    place = a_guarded_place(
        MASTER,
        a_cluster_role_binding(name="acts", role="acts"),
        OF_AGENT,
        a_token(AGENT, user=node_user_name("n1"), groups=(NODES,)),
    )
    others = (
        await asked(place, AGENT),
        await asked(place, certificate=b"der"),
        await asked(place, impersonate_user="carol"),
        await asked(place, x_remote_user="carol"),
    )
    assert [len(kept) for kept in others] == [0] * len(others)
    assert place.counted("token", "success") == 4
