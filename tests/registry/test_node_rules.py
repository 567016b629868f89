"""What nodes are told is worked out beside the event loop, and leaves the process as it was."""

import gc

import pytest

from app.domain.dataplane.rules import RulesConfig
from app.domain.errors import NotFound
from app.domain.names import Revision
from app.domain.snapshot import load
from app.registry import node_rules
from app.registry.node_rules import NodeRulesReader
from app.registry.view import View
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice


def a_reader() -> tuple[NodeRulesReader, View]:
    view = View()
    objects = [a_node("n1"), a_node("n2"), a_service(), an_endpoint_slice(an_endpoint())]
    view.reset(load(objects, revision=Revision(1)), history=(), compacted=Revision(1))
    return NodeRulesReader(view, RulesConfig(), node_ports=range(30_000, 32_768)), view


async def test_what_was_worked_out_ahead_is_what_nodes_are_told() -> None:
    ahead, view = a_reader()
    afresh, _ = a_reader()
    await ahead.warm(view.snapshot)
    for node in ("n1", "n2"):
        assert await ahead.ipvs(view.snapshot, node) == await afresh.ipvs(view.snapshot, node)


async def test_garbage_is_searched_for_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_rules, "_FROZEN_MIN", 0)
    reader, view = a_reader()
    frozen = gc.get_freeze_count()
    await reader.ipvs(view.snapshot, "n1")
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    gc.unfreeze()


async def test_it_stays_switched_off_where_it_was() -> None:
    reader, view = a_reader()
    gc.disable()
    try:
        await reader.ipvs(view.snapshot, "n1")
        assert not gc.isenabled()
    finally:
        gc.enable()


async def test_a_node_that_is_not_there_is_told_nothing() -> None:
    reader, view = a_reader()
    with pytest.raises(NotFound):
        await reader.ipvs(view.snapshot, "n3")
    assert gc.isenabled()
