"""Every observed lookup, replayed: the queries in their order, and what the program saw."""

from typing import Any

import pytest

from app.domain.discovery.stub_resolver import Profile, resolve
from tests import resolver_vectors

PROFILES = {
    "glibc": Profile.GLIBC,
    "musl": Profile.MUSL_1_2_3,
    "musl-new": Profile.MUSL,
    "node-lookup": Profile.GLIBC,  # Node's dns.lookup is the C library's getaddrinfo
}


def _vectors() -> list[dict[str, Any]]:
    return [vector for vector in resolver_vectors.load() if vector["id"].split("/")[1] in PROFILES]


def _is_order_open(vector: dict[str, Any]) -> bool:
    """Whether the packets depend on which reply happened to come first."""
    return len(vector["resolv_conf"]["nameservers"] or ()) > 1 and vector["libc"] != "glibc"


@pytest.mark.parametrize("vector", _vectors(), ids=lambda vector: vector["id"])
def test_a_program_sends_the_observed_queries_and_sees_the_observed_result(
    vector: dict[str, Any],
) -> None:
    outcome = resolve(
        PROFILES[vector["id"].split("/")[1]],
        resolver_vectors.lookup_of(vector),
        resolver_vectors.host_of(vector),
        resolver_vectors.Nameservers.of(vector).ask,
    )
    result = vector["result"]
    sent, observed = resolver_vectors.sent(outcome), resolver_vectors.observed(vector)
    if _is_order_open(vector):
        sent, observed = sorted(map(str, sent)), sorted(map(str, observed))
    assert sent == observed
    assert (outcome.error or "ok") == result["status"]
    assert list(outcome.addresses) == result["addresses"]
    assert outcome.canonical_name == result.get("canonname", outcome.canonical_name)
