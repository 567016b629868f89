from collections.abc import Callable
from dataclasses import replace

import pytest

from app.domain.discovery.advice import advise, lint
from app.domain.discovery.resolution import Asked, Profile, Resolved
from app.domain.discovery.resolvers.lookup import (
    Host,
    Lookup,
    Query,
    Rcode,
    Record,
    Reply,
    Transport,
)
from app.domain.discovery.resolvers.resolv_conf import ResolvConf, format_text
from tests.resolver_vectors import resolve

SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
CLUSTER = ResolvConf(nameservers=("10.96.0.10",), search=SEARCH, options=(("ndots", "5"),))
EXISTING = {"ent.default.svc.cluster.local.", "www.example.com.", "www.corp.example."}


def _ask(query: Query) -> Reply:
    if str(query.name) not in EXISTING:
        return Reply(rcode=Rcode.NXDOMAIN)
    if query.qtype != "A":
        return Reply(rcode=Rcode.NOERROR)
    record = Record(name=query.name, rtype="A", ttl_s=5, value="192.0.2.1")
    return Reply(rcode=Rcode.NOERROR, records=(record,))


def _codes(
    name: str,
    conf: ResolvConf = CLUSTER,
    profile: Profile = Profile.GLIBC,
    ask: Callable[[Query], Reply] = _ask,
) -> dict[str, str]:
    lookup = Lookup(name=name)
    outcome = resolve(profile, lookup, Host(resolv_conf=format_text(conf)), ask)
    resolved = Resolved(
        asked=Asked(name=name, qtype=lookup.qtype, profile=profile),
        lookup=lookup,
        conf=conf,
        outcome=outcome,
        service=None,
    )
    return {advice.code: advice.message for advice in reversed(advise(resolved))}


def test_a_name_found_at_once_needs_no_advice() -> None:
    assert _codes("ent") == {}


def test_wasted_queries_are_counted_and_a_trailing_dot_proposed() -> None:
    message = _codes("www.example.com")["L5"]
    assert message.startswith("6 of 8 queries")
    assert message.endswith("write www.example.com.")


def test_a_missing_name_costs_every_candidate() -> None:
    assert _codes("nope")["L5"].startswith("8 queries found nothing")


def test_a_complete_name_wastes_nothing() -> None:
    assert "L5" not in _codes("www.example.com.")


def test_musl_does_not_search_a_name_with_enough_dots() -> None:
    conf = ResolvConf(nameservers=("10.96.0.10",), search=SEARCH, options=(("ndots", "1"),))
    assert "L6" in _codes("ent.default", conf, Profile.MUSL)
    assert "L6" not in _codes("ent.default", conf, Profile.GLIBC)


def test_a_host_domain_that_answers_for_a_dotted_name_looks_like_a_wildcard() -> None:
    conf = ResolvConf(
        nameservers=("10.96.0.10",), search=(*SEARCH, "example"), options=(("ndots", "5"),)
    )
    assert "L8" in _codes("www.corp", conf)


def test_a_candidate_over_the_limit_is_named() -> None:
    name = ".".join(["a" * 60] * 4)
    assert "default.svc.cluster.local" in _codes(name)["L15"]


MANY = 40
FIT = 29  # of them in 512 octets


def _many(query: Query) -> Reply:
    """Answer with more than fits into a datagram."""
    is_cut = query.transport is Transport.UDP and query.udp_bytes == 512
    count = FIT if is_cut else MANY
    records = (
        Record(name=query.name, rtype="A", ttl_s=5, value=f"10.244.0.{n}") for n in range(count)
    )
    if query.qtype != "A":
        return Reply(rcode=Rcode.NOERROR)
    return Reply(rcode=Rcode.NOERROR, records=tuple(records), is_truncated=is_cut)


@pytest.mark.parametrize("profile", [Profile.GLIBC, Profile.MUSL, Profile.C_ARES])
def test_answers_that_need_tcp_are_reported(profile: Profile) -> None:
    message = _codes("ent", profile=profile, ask=_many)["O9"]
    name = "ent.default.svc.cluster.local."
    assert message.startswith(f"only 29 of the answers for {name} fit into 512 octets")
    assert f"again over TCP to get all {MANY}" in message
    assert ("edns0" in message) is (profile is Profile.GLIBC)


def test_without_tcp_the_rest_of_the_answers_is_lost() -> None:
    message = _codes("ent", profile=Profile.MUSL_1_2_3, ask=_many)["O9"]
    assert message.endswith("and musl-1.2.3 never asks for the others over TCP")


def test_with_more_room_all_answers_come_at_once() -> None:
    roomy = replace(CLUSTER, options=(*CLUSTER.options, ("edns0", None)))
    assert "O9" not in _codes("ent", roomy, ask=_many)
    assert "O9" not in _codes("ent")


@pytest.mark.parametrize(
    ("code", "conf", "profile"),
    [
        ("L1", ResolvConf(nameservers=("192.0.2.1",) * 4), Profile.GLIBC),
        ("L2", ResolvConf(search=tuple(f"s{n}.test" for n in range(7))), Profile.GLIBC),
        ("L2", ResolvConf(search=tuple(f"s{n}.test" for n in range(33))), Profile.GLIBC),
        ("L2", ResolvConf(warnings=("cut",)), Profile.GLIBC),
        ("L3", ResolvConf(search=("a" * 60 + ".test",) * 4), Profile.MUSL_1_2_3),
        ("L4", ResolvConf(options=(("ndots", "16"),)), Profile.GLIBC),
        ("L4", ResolvConf(options=(("ndots", "0"),)), Profile.GLIBC),
        ("L7", ResolvConf(nameservers=("127.0.0.53",)), Profile.GLIBC),
        ("L8", ResolvConf(search=(".",)), Profile.GO),
        ("L8", ResolvConf(search=("a.test", "A.test.")), Profile.GLIBC),
        ("L9", ResolvConf(options=(("rotate", None),)), Profile.MUSL),
        ("L12", ResolvConf(nameservers=("10.96.0.10", "192.0.2.1")), Profile.MUSL),
        ("L13", ResolvConf(options=(("ndot", "5"),)), Profile.GLIBC),
        ("L14", ResolvConf(search=("com",)), Profile.GLIBC),
        ("L14", ResolvConf(search=("de",)), Profile.GLIBC),
    ],
)
def test_the_lint_finds(code: str, conf: ResolvConf, profile: Profile) -> None:
    assert code in {advice.code for advice in lint(conf, profile)}


@pytest.mark.parametrize("profile", list(Profile))
def test_the_usual_file_of_a_pod_is_clean(profile: Profile) -> None:
    assert lint(CLUSTER, profile) == ()


def test_a_lookup_that_waits_long_reports_the_time() -> None:
    assert "40 s" in _codes("ent", ask=lambda _: Reply(rcode=Rcode.TIMEOUT))["L10"]
