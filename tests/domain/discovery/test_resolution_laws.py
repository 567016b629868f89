"""Laws for every resolver and any replies."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.resolution import Profile
from app.domain.discovery.resolvers.lookup import (
    Decision,
    Host,
    Lookup,
    LookupFlag,
    Outcome,
    Query,
    Rcode,
    Record,
    Reply,
    Status,
)
from app.domain.names import parse_domain
from tests.resolver_vectors import resolve

SEARCH = ("a.test", "b.test")
CONF = "nameserver 192.0.2.1\nsearch a.test b.test\noptions ndots:2 attempts:2\n"
TWO_SERVERS = f"nameserver 192.0.2.2\n{CONF}"
VALUES = {"A": "192.0.2.80", "AAAA": "2001:db8::80", "TXT": '"x"'}
PROFILES = list(Profile)
ANSWER = "ANSWER"

_answers = st.sampled_from([ANSWER, *Rcode])
_scripts = st.dictionaries(
    st.tuples(st.sampled_from(["x.a.test.", "x.b.test.", "x."]), st.sampled_from(["A", "AAAA"])),
    _answers,
)
_confs = st.sampled_from([CONF, TWO_SERVERS, f"{CONF}options single-request use-vc\n", ""])


def _reply(query: Query, word: str) -> Reply:
    if word != ANSWER:
        return Reply(rcode=Rcode(word))
    value = VALUES.get(query.qtype, "x.test.")
    record = Record(name=query.name, rtype=query.qtype, ttl_s=5, value=value)
    return Reply(rcode=Rcode.NOERROR, records=(record,))


def _run(
    profile: Profile,
    name: str,
    script: dict[tuple[str, str], str],
    *,
    conf: str = CONF,
    qtype: str = "ADDR",
) -> Outcome:
    return resolve(
        profile,
        Lookup(name=name, qtype=qtype),
        Host(resolv_conf=conf),
        lambda query: _reply(query, script.get((str(query.name), query.qtype), "NXDOMAIN")),
    )


@pytest.mark.parametrize("profile", PROFILES)
@given(script=_scripts, conf=_confs)
def test_only_the_last_name_is_a_hit_or_a_stop(
    profile: Profile, script: dict[tuple[str, str], str], conf: str
) -> None:
    outcome = _run(profile, "x", script, conf=conf)
    *before, last = outcome.steps
    assert last.decision is not Decision.NEXT
    assert all(
        step.decision is Decision.NEXT for step in before if step.query.name != last.query.name
    )
    assert (last.decision is Decision.HIT) == (
        outcome.status is Status.NOERROR or not outcome.error
    )


@pytest.mark.parametrize("profile", PROFILES)
@given(script=_scripts, conf=_confs)
def test_addresses_come_from_answers_and_mean_success(
    profile: Profile, script: dict[tuple[str, str], str], conf: str
) -> None:
    outcome = _run(profile, "x", script, conf=conf)
    assert bool(outcome.addresses) == (outcome.status is Status.NOERROR)
    assert bool(outcome.error) == (outcome.status is not Status.NOERROR)
    given_out = {r.value for step in outcome.steps for r in step.reply.records}
    assert set(outcome.addresses) <= given_out


@pytest.mark.parametrize("profile", PROFILES)
@given(script=_scripts)
def test_the_same_servers_give_the_same_walk(
    profile: Profile, script: dict[tuple[str, str], str]
) -> None:
    assert _run(profile, "x", script) == _run(profile, "x", script)


@pytest.mark.parametrize("profile", PROFILES)
@given(word=_answers, qtype=st.sampled_from(["ADDR", "A", "AAAA", "TXT", "SRV"]))
def test_an_absolute_name_is_only_asked_as_is(profile: Profile, word: str, qtype: str) -> None:
    script = {("x.y.", kind): word for kind in ("A", "AAAA", "TXT", "SRV")}
    outcome = _run(profile, "x.y.", script, qtype=qtype)
    assert {(str(step.query.name), step.query.source) for step in outcome.steps} == {
        ("x.y.", "as-is")
    }


@pytest.mark.parametrize("profile", PROFILES)
@given(name=st.text(max_size=80), conf=st.text(max_size=120), word=_answers)
def test_any_lookup_with_any_file_ends(profile: Profile, name: str, conf: str, word: str) -> None:
    outcome = resolve(
        profile, Lookup(name=name), Host(resolv_conf=conf), lambda query: _reply(query, word)
    )
    packets = Counter((step.query.name, step.query.qtype) for step in outcome.steps)
    assert all(count < 200 for count in packets.values())


@pytest.mark.parametrize("profile", PROFILES)
def test_the_first_candidate_with_an_address_wins(profile: Profile) -> None:
    script = {("x.a.test.", "A"): ANSWER, ("x.b.test.", "AAAA"): ANSWER}
    script[("x.a.test.", "AAAA")] = "NOERROR"
    assert _run(profile, "x", script).addresses == ("192.0.2.80",)


@pytest.mark.parametrize(
    ("profile", "error", "status"),
    [
        (Profile.GLIBC, "EAI_NODATA", Status.NODATA),
        (Profile.MUSL, "EAI_NODATA", Status.NODATA),
        (Profile.MUSL_1_2_3, "EAI_NONAME", Status.NODATA),
        # Go reports the status of the name as written, which does not exist.
        (Profile.GO, "IsNotFound", Status.NXDOMAIN),
        (Profile.C_ARES, "ARES_ENODATA", Status.NODATA),
    ],
)
def test_no_data_gives_the_library_s_error(profile: Profile, error: str, status: Status) -> None:
    script = {(name, kind): "NOERROR" for name in ("x.a.test.",) for kind in ("A", "AAAA")}
    outcome = _run(profile, "x", script)
    assert (outcome.error, outcome.status) == (error, status)


@pytest.mark.parametrize("qtype", ["ADDR", "A", "AAAA"])
@pytest.mark.parametrize(
    ("profile", "errors"),
    [
        (Profile.GLIBC, {"ADDR": "EAI_NONAME", "A": "EAI_NODATA", "AAAA": "EAI_NONAME"}),
        (Profile.MUSL, dict.fromkeys(("ADDR", "A", "AAAA"), "EAI_NODATA")),
        (Profile.MUSL_1_2_3, dict.fromkeys(("ADDR", "A", "AAAA"), "EAI_NONAME")),
        (Profile.GO, dict.fromkeys(("ADDR", "A", "AAAA"), "IsNotFound")),
        (Profile.C_ARES, dict.fromkeys(("ADDR", "A", "AAAA"), "ARES_ENODATA")),
    ],
)
def test_an_alias_without_a_target_is_a_name_without_addresses(
    profile: Profile, errors: dict[str, str], qtype: str
) -> None:
    """Spec resolver 1: a CNAME that ends in no data gives the library's error."""

    def alone(query: Query) -> Reply:
        alias = Record(name=query.name, rtype="CNAME", ttl_s=5, value="gone.test.")
        return Reply(rcode=Rcode.NOERROR, records=(alias,))

    outcome = resolve(profile, Lookup(name="x.y.", qtype=qtype), Host(resolv_conf=CONF), alone)
    assert (outcome.status, outcome.error) == (Status.NODATA, errors[qtype])


@pytest.mark.parametrize(
    ("qtype", "flags"),
    [
        ("ADDR", ()),
        ("A", ()),
        ("A", (LookupFlag.CANONICAL_NAME,)),
        ("AAAA", (LookupFlag.V4_MAPPED,)),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
@given(script=_scripts, conf=_confs)
def test_a_name_is_not_missing_when_every_reply_says_it_exists(
    profile: Profile,
    script: dict[tuple[str, str], str],
    conf: str,
    qtype: str,
    flags: tuple[LookupFlag, ...],
) -> None:
    def ask(query: Query) -> Reply:
        if query.qtype == "A":
            alias = Record(name=query.name, rtype="CNAME", ttl_s=5, value="gone.test.")
            return Reply(rcode=Rcode.NOERROR, records=(alias,))
        return _reply(query, script.get((str(query.name), query.qtype), "NOERROR"))

    lookup = Lookup(name="x", qtype=qtype, flags=frozenset(flags))
    outcome = resolve(profile, lookup, Host(resolv_conf=conf), ask)
    if {step.reply.rcode for step in outcome.steps} == {Rcode.NOERROR}:
        assert outcome.status in (Status.NOERROR, Status.NODATA)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("word", "status"),
    [("SERVFAIL", Status.SERVFAIL), ("REFUSED", Status.REFUSED), ("TIMEOUT", Status.TIMEOUT)],
)
def test_a_failure_of_every_server_has_the_status_of_its_cause(
    profile: Profile, word: str, status: Status
) -> None:
    script = {("x.y.", kind): word for kind in ("A", "AAAA", "TXT")}
    assert _run(profile, "x.y.", script).status is status
    assert _run(profile, "x.y.", script, qtype="TXT").status is status


@pytest.mark.parametrize(
    ("profile", "sources"),
    [
        (Profile.GLIBC, ["search[0]", "search[1]"]),
        (Profile.GO, ["search[0]", "search[1]"]),
        (Profile.C_ARES, ["search[0]", "search[1]"]),
        (Profile.MUSL, ["as-is"]),  # res_search equals res_query there: no search list
        (Profile.MUSL_1_2_3, ["as-is"]),
    ],
)
def test_other_types_use_the_search_list_if_the_library_does(
    profile: Profile, sources: list[str]
) -> None:
    outcome = _run(profile, "x", {("x.b.test.", "TXT"): ANSWER, ("x.", "TXT"): ANSWER}, qtype="TXT")
    assert [step.query.source for step in outcome.steps] == sources
    assert outcome.records[0].value == '"x"'
    assert outcome.addresses == ()


@pytest.mark.parametrize("profile", PROFILES)
def test_the_canonical_name_of_an_alias_is_its_target(profile: Profile) -> None:
    alias = Record(name=parse_domain("x.test."), rtype="CNAME", ttl_s=5, value="target.test.")
    outcome = resolve(
        profile,
        Lookup(name="x.test.", qtype="CNAME"),
        Host(resolv_conf=CONF),
        lambda _: Reply(rcode=Rcode.NOERROR, records=(alias,)),
    )
    assert outcome.records == (alias,)
    assert outcome.canonical_name == "target.test"


def test_addresses_of_the_hosts_file_are_sorted_like_all_others() -> None:
    host = Host(resolv_conf="", hosts="127.0.0.1 localhost\n::1 localhost\n")
    outcome = resolve(
        Profile.GLIBC, Lookup(name="localhost"), host, lambda _: Reply(rcode=Rcode.NXDOMAIN)
    )
    assert outcome.addresses == ("::1", "127.0.0.1")


@pytest.mark.parametrize(
    ("profile", "options", "size"),
    [
        (Profile.GLIBC, "", 512),
        (Profile.GLIBC, "options edns0", 1200),
        (Profile.MUSL, "options edns0", 512),
        (Profile.GO, "", 1232),
        (Profile.C_ARES, "options edns0", 512),
    ],
)
def test_every_query_has_the_datagram_size_of_its_library(
    profile: Profile, options: str, size: int
) -> None:
    host = Host(resolv_conf=options)
    outcome = resolve(profile, Lookup(name="x."), host, lambda _: Reply(rcode=Rcode.NXDOMAIN))
    assert {step.query.udp_bytes for step in outcome.steps} == {size}


@pytest.mark.parametrize(
    ("qtype", "count", "name", "rounds"),
    [
        ("ADDR", 25, "25-0.test.", 1),
        ("ADDR", 26, "26-0.test.", 2),
        ("ADDR", 50, "50-0.test.", 2),
        ("ADDR", 51, "51-0.test.", 3),
        ("ADDR", 102, "102-0.test.", 3),
        ("ADDR", 103, "103-0.test.", 4),
        ("ADDR", 24, f"24-0-{'y' * 40}.test.", 1),
        ("ADDR", 25, f"25-0-{'y' * 40}.test.", 2),
        ("A", 83, "83-0.test.", 1),
        ("A", 84, "84-0.test.", 2),
        ("A", 79, f"79-0-{'y' * 40}.test.", 1),
        ("A", 80, f"80-0-{'y' * 40}.test.", 2),
        ("AAAA", 41, "0-41.test.", 1),
        ("AAAA", 42, "0-42.test.", 2),
    ],
)
def test_glibc_repeats_all_queries_when_its_buffer_is_too_small(
    qtype: str, count: int, name: str, rounds: int
) -> None:
    """Observed with 2.36."""
    family = "AAAA" if qtype == "AAAA" else "A"
    prefix = "fd00::" if family == "AAAA" else "10.1.1."
    records = tuple(
        Record(name=parse_domain(name), rtype=family, ttl_s=5, value=f"{prefix}{last}")
        for last in range(1, count + 1)
    )

    def ask(query: Query) -> Reply:
        return Reply(rcode=Rcode.NOERROR, records=records if query.qtype == family else ())

    outcome = resolve(Profile.GLIBC, Lookup(name=name, qtype=qtype), Host(resolv_conf=""), ask)
    per_round = 2 if qtype == "ADDR" else 1
    assert len(outcome.steps) == rounds * per_round
    assert len(outcome.addresses) == count
    last = [step.decision for step in outcome.steps[-per_round:]]
    assert set(last) == {Decision.HIT}
    assert all(step.decision is Decision.NEXT for step in outcome.steps[:-per_round])


@pytest.mark.parametrize(("qtype", "fits"), [("A", 81), ("AAAA", 40)])
def test_the_names_of_aliases_need_space_in_the_buffer(qtype: str, fits: int) -> None:
    """Observed with 2.36."""
    for count, rounds in ((fits, 1), (fits + 1, 2)):
        alias, target = parse_domain(f"{count}-0-c.test."), parse_domain("target.test.")
        prefix = "fd00::" if qtype == "AAAA" else "10.1.1."
        reply = Reply(
            rcode=Rcode.NOERROR,
            records=(
                Record(name=alias, rtype="CNAME", ttl_s=5, value="target.test."),
                *(
                    Record(name=target, rtype=qtype, ttl_s=5, value=f"{prefix}{last}")
                    for last in range(1, count + 1)
                ),
            ),
        )
        lookup = Lookup(name=str(alias), qtype=qtype)
        outcome = resolve(Profile.GLIBC, lookup, Host(resolv_conf=""), lambda _, r=reply: r)
        assert len(outcome.steps) == rounds
