"""What nodes are told is worked out beside the event loop, and leaves the process as it was."""

import asyncio
import gc
import logging

import pytest

from app.domain.changes import Change
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.errors import NotFound
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.objects.service import Service
from app.domain.snapshot import load
from app.registry.node_rules import NodeRulesReader, staying_ahead
from app.registry.reads.view import View
from app.registry.rules_fingerprint import fingerprint_of
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.waiting import until


def a_reader() -> tuple[NodeRulesReader, View]:
    view = View()
    objects = [a_node("n1"), a_node("n2"), a_service(), an_endpoint_slice(an_endpoint())]
    view.reset(load(objects, revision=Revision(1)), history=(), compacted=Revision(1))
    return NodeRulesReader(view, RulesConfig(), node_ports=range(30_000, 32_768)), view


async def test_what_was_worked_out_ahead_is_what_nodes_are_told() -> None:
    ahead, view = a_reader()
    afresh, _ = a_reader()
    await ahead.warm()
    for node in ("n1", "n2"):
        assert await ahead.ipvs(view.snapshot, node) == await afresh.ipvs(view.snapshot, node)


def test_rules_of_a_revision_differ_by_configuration_and_by_what_a_version_makes_of_it() -> None:
    (one, _), (same, _) = a_reader(), a_reader()
    assert one.fingerprint == same.fingerprint
    config = RulesConfig()
    prints = {
        fingerprint_of(config, "add table ip waypost"),
        fingerprint_of(config, "add table ip waypost\nadd chain ip waypost more"),
        fingerprint_of(RulesConfig(masquerade_all=True), "add table ip waypost"),
    }
    assert len(prints) == 3


async def test_a_node_that_is_not_there_is_told_nothing() -> None:
    reader, view = a_reader()
    with pytest.raises(NotFound):
        await reader.ipvs(view.snapshot, "n3")
    assert gc.isenabled()


def a_service_at(name: str, address: str) -> Service:
    return a_service(name, cluster_ip=address, cluster_ips=(address,))


def add(view: View, *added: Object) -> None:
    """Commit each in a revision of its own."""
    for each in added:
        revision = Revision(view.snapshot.revision + 1)
        view.advance([Change(revision=revision, before=None, after=each)])


async def test_after_changes_nobody_waits_for_what_all_nodes_share() -> None:
    reader, view = a_reader()
    async with staying_ahead(view, reader.warm, pause_s=0):
        await until(lambda: reader.source.rules.made_count >= 1)
        for number in range(1, 4):
            add(view, a_service_at(f"api-{number}", f"10.96.1.{number}"))
            await until(lambda number=number: reader.source.rules.made_count >= 1 + number)
        added = an_endpoint("10.244.0.9", node_name="n9")
        add(view, an_endpoint_slice(added, name="api-1-a", service="api-1"))
        await until(lambda: reader.source.rules.made_count >= 5)
    rules = await reader.ipvs(view.snapshot, "n1")
    assert len(rules.virtual_servers) == 4
    assert reader.source.rules.made_count <= 5


async def test_a_node_that_comes_after_the_services_finds_them_worked_out() -> None:
    view = View()
    view.reset(load([a_service()], revision=Revision(1)), history=(), compacted=Revision(1))
    reader = NodeRulesReader(view, RulesConfig(), node_ports=range(30_000, 32_768))
    await reader.warm()
    assert not reader.source.rules.made_count, "without nodes nobody will ask"
    async with staying_ahead(view, reader.warm, pause_s=0):
        add(view, a_node("n1"))
        await until(lambda: reader.source.rules.made_count >= 1)
    await reader.ipvs(view.snapshot, "n1")
    assert reader.source.rules.made_count <= 1


async def test_what_failed_is_tried_again_after_the_next_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, view = a_reader()
    tried: list[Revision] = []

    async def fail() -> None:
        tried.append(view.snapshot.revision)
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        async with staying_ahead(view, fail, pause_s=0):
            assert tried == [1], "what is there is worked out first"
            add(view, a_service_at("api", "10.96.1.1"), a_service_at("db", "10.96.1.2"))
            await until(lambda: len(tried) == 2)
    assert tried == [1, 3]
    assert caplog.text.count("could not be worked out ahead") == 2
    add(view, a_service_at("cache", "10.96.1.3"))
    assert len(tried) == 2


async def test_what_was_given_up_is_finished_before_the_next_question_has_its_turn() -> None:
    reader, _ = a_reader()
    asked = asyncio.create_task(reader.warm())
    await asyncio.sleep(0)  # lets it begin
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert reader.source.rules.made_count >= 1
