"""Replays every observed lookup: the queries in order, and the program's result."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import Lookup, Outcome
from tests import resolver_vectors
from tests.resolver_vectors import resolve

PROFILES = {
    "glibc": Profile.GLIBC,
    "musl": Profile.MUSL_1_2_3,
    "musl-new": Profile.MUSL,
    "go": Profile.GO,
    "cares": Profile.C_ARES,
    "node-lookup": Profile.GLIBC,  # dns.lookup is the C library's getaddrinfo in a thread
    "node-resolve": Profile.C_ARES,  # dns.resolve is c-ares without a search list
}
GO_ERRORS = {
    "IsNotFound": "GO_NOTFOUND",
    "IsTemporary": "GO_TEMPORARY",
    "IsTimeout": "GO_TIMEOUT",
}


def _library(vector: dict[str, Any]) -> str:
    return vector["id"].split("/")[1]


def _lookup(vector: dict[str, Any]) -> Lookup:
    lookup = resolver_vectors.lookup_of(vector)
    if _library(vector) == "node-resolve":
        return replace(lookup, name=f"{lookup.name.removesuffix('.')}.")
    return lookup


def _status(vector: dict[str, Any], outcome: Outcome) -> str:
    if not outcome.error:
        return "ok"
    match _library(vector):
        case "go":
            return GO_ERRORS.get(outcome.error, "GO_ERR")
        case "node-resolve":
            return outcome.error.replace("ARES_", "NODE_")
        case _:
            return outcome.error


def _is_order_open(vector: dict[str, Any]) -> bool:
    """Whether the packets depend on which reply or goroutine came first."""
    has_many_servers = len(vector["resolv_conf"]["nameservers"] or ()) > 1
    return vector.get("pair_order") == "any" or (has_many_servers and vector["libc"] != "glibc")


@pytest.mark.parametrize("vector", resolver_vectors.load(), ids=lambda vector: vector["id"])
def test_a_program_sends_the_observed_queries_and_sees_the_observed_result(
    vector: dict[str, Any],
) -> None:
    outcome = resolve(
        PROFILES[_library(vector)],
        _lookup(vector),
        resolver_vectors.host_of(vector),
        resolver_vectors.Nameservers.of(vector).ask,
    )
    result = vector["result"]
    sent, observed = resolver_vectors.sent(outcome), resolver_vectors.observed(vector)
    addresses = list(outcome.addresses)
    if _is_order_open(vector):
        sent, observed = sorted(map(str, sent)), sorted(map(str, observed))
        # Without a routable address Go keeps the order of arrival.
        if vector["network"] == "none":
            addresses, result["addresses"] = sorted(addresses), sorted(result["addresses"])
    assert sent == observed
    assert _status(vector, outcome) == result["status"]
    assert addresses == result["addresses"]
    assert outcome.canonical_name == result.get("canonname", outcome.canonical_name)
