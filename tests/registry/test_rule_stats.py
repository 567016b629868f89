"""Where nodes are, and how often rules were computed."""

from app.domain.dataplane.rules.model import RulesConfig
from app.domain.names import Revision
from app.domain.snapshot import load
from app.registry.node_rules import IPVS, NodeRulesReader
from app.registry.reads.view import View
from app.registry.rule_stats import Computation, NodePosition, NodePositions
from tests.builders import a_node

BOTH = load([a_node("n1"), a_node("n2")], revision=Revision(2))


def test_a_node_is_at_the_revision_that_it_named_last() -> None:
    times_s = iter([1.0, 2.0, 3.0])
    positions = NodePositions(now_s=lambda: next(times_s))
    positions.note("n1", Revision(4))
    positions.note("n1", Revision(7))
    positions.note("gone", Revision(7))
    assert dict(positions.of(BOTH)) == {"n1": NodePosition(Revision(7), 2.0)}


def test_those_heard_of_longest_ago_are_forgotten() -> None:
    positions = NodePositions(now_s=lambda: 0.0, nodes_max=1)
    positions.note("n1", Revision(4))
    positions.note("n2", Revision(4))
    assert [name for name, _ in positions.of(BOTH)] == ["n2"]


async def test_each_computation_is_timed() -> None:
    view = View()
    view.reset(BOTH, history=(), compacted=Revision(2))
    rules = NodeRulesReader(view, RulesConfig(), node_ports=range(30_000, 32_768))
    await rules.warm()
    await rules.ipvs(BOTH, "n1")
    await rules.changes(IPVS, BOTH, "n1", Revision(2))
    counts = {name: sum(each.counts) for name, each in rules.timings.by_name.items()}
    assert counts == dict.fromkeys(Computation, 1)
