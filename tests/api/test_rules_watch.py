"""What a node hears of changes: in the words of either mode, and as soon as there is something."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import application
from app.api.access.identity import Caller, Permit, set_permit
from app.api.credentials.outcomes import Method
from app.api.credentials.tokens import mint
from app.api.objects.streams import Watching
from app.api.rules_watch import (
    BESIDE_CHARACTERS_MIN,
    _encoded,  # pyright: ignore[reportPrivateUsage]
)
from app.domain.access.subjects import User
from app.domain.access.tokens import TokenKind, id_of, stored_by_id
from app.domain.changes import Change
from app.domain.dataplane.nftables.loading import loaded
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.names import Revision
from app.domain.objects.node import Taint
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.registry.node_rules import NodeRulesReader
from app.registry.reads.view import View
from app.registry.reads.watch import Notifier
from app.registry.threads import Lane
from app.schemas.rules.operations import NftablesRulesChanges, NodeRulesChanges
from tests.builders import a_node, a_service, a_token, an_endpoint, an_endpoint_slice
from tests.memory_writer import EPOCH
from tests.registries import a_client
from tests.rounds import work_a_round
from tests.waiting import WITHIN_S, until

ONE = an_endpoint_slice(an_endpoint("10.244.0.1"))
TWO = an_endpoint_slice(an_endpoint("10.244.0.1"), an_endpoint("10.244.0.2"))


@cache
def app_for_tests() -> FastAPI:
    return application.build(version="0")


@dataclass
class Api:
    """The API over a state that a test changes."""

    client: httpx.AsyncClient
    view: View
    watching: Watching
    metrics: CollectorRegistry
    rules: NodeRulesReader

    def change(self, before: Object | None, after: Object | None) -> None:
        revision = Revision(self.view.snapshot.revision + 1)
        self.view.advance((Change(revision=revision, before=before, after=after),))

    async def changes(self, mode: str, since: int, *, timeout_s: int = 0) -> httpx.Response:
        query = {"since": str(since), "timeoutSeconds": str(timeout_s)}
        return await self.client.get(f"/nodes/n1/{mode}/changes", params=query)


@asynccontextmanager
async def an_api_of(*objects: Object, permit: Permit | None = None) -> AsyncGenerator[Api]:
    view = View()
    view.reset(load(objects, revision=Revision(1)), history=(), compacted=Revision(1))
    watching = Watching(view, Notifier(view, batch_s=0))
    rules = NodeRulesReader(view, RulesConfig(), node_ports=range(30_000, 32_768))
    app = app_for_tests()
    metrics = CollectorRegistry()
    app.state.registry = SimpleNamespace(
        view=view,
        rules=rules,
        watching=watching,
        metrics=metrics,
        reading=Lane(),
        writing=Lane(),
    )
    async with a_client(app if permit is None else _permitted(app, permit)) as client:
        yield Api(client, view, watching, metrics, rules)


def _permitted(app: ASGIApp, permit: Permit) -> ASGIApp:
    """Believe that every request has this permit."""

    async def with_permit(scope: Scope, receive: Receive, send: Send) -> None:
        set_permit(scope, permit)
        await app(scope, receive, send)

    return with_permit


async def test_a_change_in_the_words_of_nft_leads_where_the_whole_leads() -> None:
    async with an_api_of(a_node("n1"), a_service(), ONE) as api:
        before = loaded((await api.client.get("/nodes/n1/nftables")).text, {})
        api.change(ONE, TWO)
        news: dict[str, Any] = (await api.changes("nftables", 1)).json()
        assert (news["kind"], news["since"], news["resourceVersion"]) == (
            "NodeTextChanges",
            "1",
            "2",
        )
        after = loaded((await api.client.get("/nodes/n1/nftables")).text, {})
        assert loaded(news["text"], before)[next(iter(after))].sets == after[next(iter(after))].sets


async def test_who_is_up_to_date_hears_nothing() -> None:
    async with an_api_of(a_node("n1"), a_service()) as api:
        assert (await api.changes("nftables", 1)).json()["text"] == ""
        assert (await api.changes("ipvs", 1)).json()["operations"] == []


async def test_a_node_that_waits_is_seen_at_the_revision_that_it_names() -> None:
    async with an_api_of(a_node("n1"), a_service()) as api:
        await api.changes("ipvs", 1)  # somebody looks
        assert dict(api.rules.positions.of(api.view.snapshot)) == {}
        asking = asyncio.create_task(api.changes("ipvs", 1, timeout_s=30))
        await until(lambda: bool(dict(api.rules.positions.of(api.view.snapshot))))
        assert dict(api.rules.positions.of(api.view.snapshot))["n1"].revision == 1
        api.change(None, ONE)
        await asking


async def test_who_waits_hears_as_soon_as_there_is_something() -> None:
    async with an_api_of(a_node("n1"), a_service(), ONE) as api:
        for mode in ("ipvs", "nftables"):
            since = api.view.snapshot.revision
            asking = asyncio.create_task(api.changes(mode, since, timeout_s=30))
            await until(lambda: api.watching.watchers == 1)
            assert not asking.done()
            api.change(None, a_service(f"other-{mode}", cluster_ip=""))  # nothing for a node
            await asyncio.sleep(0.05)
            assert not asking.done()
            api.change(*((ONE, TWO) if mode == "ipvs" else (TWO, ONE)))
            news = (await asyncio.wait_for(asking, 10)).json()
            assert news.get("operations") or news.get("text")
            assert news["resourceVersion"] == str(since + 2)
            assert api.watching.watchers == 0


EXPOSED = a_service(
    type="LoadBalancer", external_traffic_policy="Local", health_check_node_port=31_000
)


async def test_health_checks_come_with_changes_in_either_mode() -> None:
    here = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n1"))
    async with an_api_of(a_node("n1"), EXPOSED) as api:
        api.change(None, here)
        api.change(EXPOSED, None)
        service = {"namespace": "default", "name": "web"}
        answering = {"port": 31_000, "localEndpoints": 1, "addresses": ["0.0.0.0", "::"]}  # noqa: S104  a text
        for mode in ("ipvs", "nftables"):
            news = (await api.changes(mode, 1)).json()
            assert news["healthCheckNodePorts"] == [
                {"op": "RemoveHealthCheckNodePort", "service": service}
            ]
        api.change(None, EXPOSED)
        for mode, read in (("ipvs", NodeRulesChanges), ("nftables", NftablesRulesChanges)):
            answer = await api.changes(mode, 3)
            read.model_validate_json(answer.content)
            assert answer.json()["healthCheckNodePorts"] == [
                {"op": "SetHealthCheckNodePort", "service": service, **answering}
            ]
        rules = (await api.client.get("/nodes/n1/ipvs")).json()
        assert rules["healthCheckNodePorts"] == [{"service": service, **answering}]


async def test_a_node_hears_at_once_that_it_is_to_be_deleted() -> None:
    node = a_node("n1")
    tainted = replace(
        node, taints=(Taint(key="ToBeDeletedByClusterAutoscaler", effect="NoSchedule"),)
    )
    async with an_api_of(node, a_service()) as api:
        for mode in ("ipvs", "nftables"):
            since = api.view.snapshot.revision
            asking = asyncio.create_task(api.changes(mode, since, timeout_s=30))
            await until(lambda: api.watching.watchers == 1)
            api.change(node, tainted)
            news = (await asyncio.wait_for(asking, 10)).json()
            assert news["nodeEligible"] is False
            assert not any(news.get(rules) for rules in ("operations", "text"))
            # It stays so, and is no news.
            since = api.view.snapshot.revision
            assert (await api.changes(mode, since)).json()["nodeEligible"] is False
            api.change(tainted, node)
            assert (await api.changes(mode, since)).json()["nodeEligible"] is True


async def test_who_waits_in_vain_hears_that_there_is_nothing() -> None:
    async with an_api_of(a_node("n1"), a_service()) as api:
        news = await asyncio.wait_for(api.changes("ipvs", 1, timeout_s=1), 10)
        assert news.json()["operations"] == []


async def test_nobody_is_kept_waiting_by_a_process_that_stops() -> None:
    async with an_api_of(a_node("n1"), a_service()) as api:
        asking = asyncio.create_task(api.changes("ipvs", 1, timeout_s=30))
        await asyncio.sleep(0.05)
        api.watching.stop()
        assert (await asyncio.wait_for(asking, 10)).json()["operations"] == []


def lose(api: Api, *kept: Object) -> None:
    """Let the database lose all revisions but the first, as a failover may."""
    api.view.reset(
        load(kept, revision=Revision(1)),
        history=(),
        compacted=Revision(1),
        has_same_past=False,
    )


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
async def test_who_waits_at_a_revision_that_the_database_loses_must_begin_anew(mode: str) -> None:
    async with an_api_of(a_node("n1"), a_service(), ONE) as api:
        api.change(ONE, TWO)
        asking = asyncio.create_task(api.changes(mode, 2, timeout_s=60))
        await until(lambda: api.watching.watchers == 1)
        lose(api, a_node("n1"), a_service(), ONE)
        answer = await asyncio.wait_for(asking, WITHIN_S)
        assert (answer.status_code, answer.json()["reason"]) == (410, "Expired")


async def test_who_waits_by_a_token_that_the_database_loses_is_refused() -> None:
    text = mint(TokenKind.USER)
    alice = User(name="alice", groups=("system:masters",))
    caller = Caller(user=alice, real=alice, method=Method.TOKEN, credential_id=id_of(text))
    permit = Permit(caller=caller, asked=(), tokens_of=stored_by_id, now=lambda: EPOCH)
    async with an_api_of(a_node("n1"), permit=permit) as api:
        api.change(None, a_token(text))
        asking = asyncio.create_task(api.changes("ipvs", 2, timeout_s=60))
        await until(lambda: api.watching.watchers == 1)
        lose(api, a_node("n1"))
        answer = await asyncio.wait_for(asking, WITHIN_S)
        assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


async def test_a_node_that_is_not_known_and_a_revision_too_old_are_refused() -> None:
    async with an_api_of(a_node("n2"), a_service()) as api:
        assert (await api.changes("nftables", 1, timeout_s=30)).status_code == 404
        answer = await api.client.get("/nodes/n2/nftables/changes", params={"since": "0"})
        assert (answer.status_code, answer.json()["reason"]) == (410, "Expired")


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("since={since}&resourceVersion=2", {}),
        ("timeoutSeconds=0&since={since}", {}),
        ("since={since}", {"accept": "application/json, */*"}),
    ],
)
async def test_a_question_put_otherwise_has_the_same_answer(
    mode: str, query: str, headers: dict[str, str]
) -> None:
    async with an_api_of(a_node("n1"), a_node("n2"), a_service(), ONE) as api:
        api.change(ONE, TWO)
        for node, since in (("n1", 1), ("n1", 2), ("n3", 1), ("n2", 0)):
            path = f"/nodes/{node}/{mode}/changes"
            plain = await api.client.get(f"{path}?since={since}")
            otherwise = await api.client.get(f"{path}?{query.format(since=since)}", headers=headers)
            assert (plain.status_code, plain.json()) == (otherwise.status_code, otherwise.json())


async def test_questions_are_counted_by_their_route_and_refused_when_they_make_no_sense() -> None:
    async with an_api_of(a_node("n1"), a_service()) as api:
        await api.changes("ipvs", 1)
        path = "/nodes/{name}/ipvs/changes"
        assert f'path="{path}"' in generate_latest(api.metrics).decode()
        for query in ("", "since=1&timeoutSeconds=61", "since=1&since=1", "since=1&more=1"):
            answer = await api.client.get(f"/nodes/n1/ipvs/changes?{query}")
            assert answer.status_code in {200, 400, 422}
            assert answer.json()["kind"] in {"NodeRulesChanges", "Status"}


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
async def test_what_is_no_revision_is_refused_and_not_taken_for_the_first(mode: str) -> None:
    async with an_api_of(a_node("n1"), a_service()) as api:
        answer = await api.client.get(f"/nodes/n1/{mode}/changes", params={"since": "abc"})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert [cause["field"] for cause in answer.json()["details"]["causes"]] == ["since"]


async def test_a_large_part_is_compressed_once_for_all_who_are_told_it() -> None:
    many = an_endpoint_slice(*(an_endpoint(f"10.244.1.{number}") for number in range(1, 100)))
    async with an_api_of(a_node("n1"), a_node("n2"), a_service(), ONE) as api:
        api.change(ONE, many)
        plain, packed = [
            await api.client.get(
                "/nodes/n1/ipvs/changes?since=1", headers={"accept-encoding": coding}
            )
            for coding in ("identity", "gzip")
        ]
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.json() == plain.json()
        other = await api.client.get("/nodes/n2/ipvs/changes?since=1")
        assert other.json()["operations"] == plain.json()["operations"]


@pytest.mark.parametrize("length", [BESIDE_CHARACTERS_MIN, BESIDE_CHARACTERS_MIN + 1])
async def test_what_takes_long_to_encode_is_encoded_once_beside_the_event_loop(length: int) -> None:
    text = "x" * length
    everybody = asyncio.gather(*(_encoded(text) for _ in range(20)))
    pieces, _ = await work_a_round(everybody, lambda: 0)
    assert {id(piece) for piece in pieces} == {id(pieces[0])}
    assert pieces[0].plain == f'"{text}"'.encode()
    is_beside = length > BESIDE_CHARACTERS_MIN
    _, rounds_of_one = await work_a_round(_encoded("y" * length), lambda: 0)
    assert (len(rounds_of_one) > 1) == is_beside
