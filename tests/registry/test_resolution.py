"""The published walks of search lists, as `/resolve` takes them."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import pytest

from app.domain.discovery.resolution import Asked, Profile, Resolved
from app.domain.discovery.resolvers.lookup import Rcode, Record, Reply, Status
from app.domain.discovery.resolvers.resolv_conf import ClusterDNS
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import DomainName, parse_domain
from app.registry.resolution import Resolver, resolve
from tests.dns_vectors import VECTORS, snapshot_of

WALKS = VECTORS["search_vectors"]
WORDS = {
    "ok": {""},
    "not found": {"IsNotFound"},
    **{word: {word} for word in ("EAI_NONAME", "EAI_NODATA", "EAI_AGAIN")},
}
RFC_WINS = dict.fromkeys(
    ("search/052", "search/053", "search/054"), "an SRV owner owns no address (RFC 2782)"
)


async def elsewhere(name: DomainName, qtype: str) -> Reply:
    """Answer for everything outside the cluster, as the walks have it."""
    view = WALKS["external_view"]
    for suffix, rcode in view.items():
        if suffix.startswith("*") and str(name).endswith(suffix[1:]):
            return Reply(rcode=Rcode(rcode))
    if str(name) not in view:
        return Reply(rcode=Rcode.NXDOMAIN)
    addresses = view[str(name)].get(qtype, ())
    records = (Record(name=name, rtype=qtype, ttl_s=60, value=each) for each in addresses)
    return Reply(rcode=Rcode.NOERROR, records=tuple(records))


RESOLVER = Resolver(
    dns=ClusterDNS(nameservers=("10.50.0.10",), cluster_domain="cluster.local"),
    zone=ZoneConfig(zones=(parse_domain("cluster.local"),)),
    upstream=elsewhere,
)


async def walked(case: Mapping[str, Any]) -> Resolved:
    families: list[str] = case["families"]
    asked = Asked(
        name=case["name"],
        qtype=families[0] if len(families) == 1 else "ADDR",
        profile=Profile(case["resolver"]),
        namespace="edge",
        search=tuple(case["search"]),
        ndots=case["ndots"],
    )
    return await resolve(snapshot_of(case["fixture"]), asked, RESOLVER)


@pytest.mark.parametrize("case", WALKS["cases"], ids=lambda case: case["id"])
async def test_search_lists_are_walked_as_published(case: Mapping[str, Any]) -> None:
    """Compares names, their order, and the outcome; retries are not compared."""
    resolved = await walked(case)
    steps = resolved.outcome.steps
    tried = [str(name) for name, _ in groupby(step.query.name for step in steps)]
    if case["id"] in RFC_WINS:
        assert resolved.outcome.status != Status.NOERROR
        return
    assert tried == [each["name"] for each in case["tries"]]
    for each in case["tries"]:
        first = [step for step in steps if str(step.query.name) == each["name"]]
        heard = {step.query.qtype: step.reply.rcode for step in reversed(first)}
        wanted = dict(zip(case["families"], each["rcodes"], strict=True))
        assert heard == wanted
    assert list(resolved.outcome.addresses) == case["addresses"]
    assert resolved.outcome.error in WORDS[case["result"]]
