"""Go's resolver: which names it accepts."""

import pytest

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import Host, Lookup, Outcome
from tests.resolver_vectors import Nameservers, Zone, resolve, sent

CONF = "nameserver 192.0.2.1\nsearch a.test\n"
ZONE: Zone = {
    "": {"NS": ["ns.test."]},
}


def asked(name: str, qtype: str) -> Outcome:
    servers = Nameservers(zone=ZONE, zones=dict[str, Zone](), closed=frozenset())
    return resolve(Profile.GO, Lookup(name=name, qtype=qtype), Host(resolv_conf=CONF), servers.ask)


def test_the_root_is_a_name_and_has_name_servers() -> None:
    outcome = asked(".", "NS")
    assert [packet[:2] for packet in sent(outcome)] == [(".", "NS")]
    assert [record.value for record in outcome.records] == ["ns.test."]


@pytest.mark.parametrize("name", ["", "..", "a..b", "-a", "1.2", "a b", "x" * 64])
def test_an_invalid_name_is_not_asked(name: str) -> None:
    outcome = asked(name, "NS")
    assert (outcome.error, outcome.steps) == ("IsNotFound", ())
