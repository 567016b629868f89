"""Deltas of the nftables text equal the difference between whole texts, which are the oracle."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.addresses import IPFamily
from app.domain.changes import Change
from app.domain.dataplane.incremental.nftables_mode import NftablesMode
from app.domain.dataplane.incremental.shared import BOUNDS, Bounds
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.incremental.step import Step, step_between
from app.domain.dataplane.nftables.loading import loaded
from app.domain.dataplane.nftables.state import Tables, encode_difference, tables_of
from app.domain.dataplane.nftables.text import encode
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import Node, NodeAddress
from app.domain.snapshot import Snapshot, load
from tests.builders import a_node, a_service, a_service_cidr, an_endpoint, an_endpoint_slice
from tests.rules_strategies import configs, rule_histories

NODE = a_node("n1")
OTHERS = (a_node("n2", zone="z2"), a_node("n9"))


class Writer:
    """A source of rules and its nftables mode, asked as one."""

    def __init__(self, config: RulesConfig, bounds: Bounds = BOUNDS) -> None:
        self.source = RulesSource(config, bounds)
        self.mode = NftablesMode(self.source)

    def text(self, step: Step, before: Node | None, node: Node) -> str:
        return self.source.changes(self.mode, step, before, node).plan


def node_of(snapshot: Snapshot) -> Node:
    return snapshot.nodes.get(NamespacedName("", "n1"), NODE)


def held(snapshot: Snapshot, config: RulesConfig, node: Node | None = None) -> Tables:
    return tables_of(node_rules(snapshot, node or node_of(snapshot), config))


def differs(left: Tables, right: Tables) -> str:
    """Whether tables differ in more than chains that nobody goes to any more."""
    return encode_difference(left, right)


def test_one_endpoint_more_is_one_element_and_one_chain() -> None:
    one = an_endpoint_slice(an_endpoint("10.244.0.1"))
    two = an_endpoint_slice(*one.endpoints, an_endpoint("10.244.0.2"))
    before = load([a_service(), one], revision=Revision(1))
    change = Change(revision=Revision(2), before=one, after=two)
    step = step_between(before, before.apply([change]))
    writer = Writer(RulesConfig())
    text = writer.text(step, NODE, NODE)
    assert (
        "add element ip waypost endpoints-tcp { 10.96.0.20 . 80 . 1 : 10.244.0.2 . 8080 }" in text
    )
    assert text.count("element") == 3
    assert writer.text(step, a_node("n2"), a_node("n2")) is text


def test_a_range_that_is_added_is_one_chain_for_every_node() -> None:
    ranges = a_service_cidr("10.96.0.0/12", "fd00:10:96::/112")
    added = Change(revision=Revision(3), before=None, after=ranges)
    removed = Change(revision=Revision(4), before=ranges, after=None)
    writer = Writer(RulesConfig())
    texts: list[str] = []
    snapshot = WEB
    for change in (added, removed):
        following = snapshot.apply([change])
        step = step_between(snapshot, following)
        text = writer.text(step, NODE, NODE)
        assert writer.text(step, OTHERS[0], OTHERS[0]) is text
        assert differs(loaded(text, held(snapshot, BOTH)), held(following, BOTH)) == ""
        texts.append(text)
        snapshot = following
    assert "element" not in "".join(texts)
    assert ["drop" in text for text in texts] == [True, False]


def test_a_node_that_was_not_there_is_told_everything() -> None:
    snapshot = load([a_service()], revision=Revision(1))
    step = step_between(Snapshot(), snapshot)
    text = Writer(RulesConfig()).text(step, None, NODE)
    assert text == encode(node_rules(snapshot, NODE, RulesConfig()))


WEB = load(
    [a_service(), an_endpoint_slice(an_endpoint("10.244.0.1"), an_endpoint("10.244.0.2"))],
    revision=Revision(2),
)
BARE = load([a_service()], revision=Revision(1))
BOTH, ALONE = RulesConfig(), RulesConfig(ip_families=(IPFamily.IPV4,))


def test_a_node_that_moves_is_told_the_difference_of_all_there_is() -> None:
    config = RulesConfig(node_port_addresses=("192.0.2.0/24",))
    moved = a_node("n1", addresses=(NodeAddress(type="InternalIP", address="192.0.2.99"),))
    step = step_between(WEB, WEB)
    text = Writer(config).text(step, NODE, moved)
    desired = tables_of(node_rules(WEB, moved, config))
    assert desired[IPFamily.IPV4].sets["node-port-ips"] == {"192.0.2.99": ""}
    assert differs(loaded(text, held(WEB, config)), desired) == ""


def test_a_text_that_is_forgotten_for_later_ones_is_made_again() -> None:
    writer, snapshot = Writer(BOTH, Bounds(texts=2)), Snapshot()
    steps: list[Step] = []
    for number in range(1, 5):
        address = f"10.96.0.{number}"
        service = a_service(f"s{number}", cluster_ip=address, cluster_ips=(address,))
        change = Change(revision=Revision(number), before=None, after=service)
        following = snapshot.apply([change])
        steps.append(step_between(snapshot, following))
        snapshot = following
    first, *_, last = (writer.text(step, NODE, NODE) for step in steps)
    assert writer.text(steps[-1], NODE, NODE) is last
    again = writer.text(steps[0], NODE, NODE)
    assert again == first
    assert again is not first


@given(rule_histories(max_size=8), configs, st.data())
@settings(deadline=None)
def test_loading_a_delta_leads_where_the_whole_leads(
    changes: list[Change], config: RulesConfig, data: st.DataObject
) -> None:
    writer = Writer(config)
    since = data.draw(st.integers(0, len(changes)))
    before, after = Snapshot().apply(changes[:since]), Snapshot().apply(changes)
    step = step_between(before, after)
    for old, new in ((node_of(before), node_of(after)), *((node, node) for node in OTHERS)):
        text = writer.text(step, old, new)
        reached = loaded(text, held(before, config, old))
        assert differs(reached, held(after, config, new)) == ""
        assert writer.text(step, old, new) == text
