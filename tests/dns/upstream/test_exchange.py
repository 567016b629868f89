"""Questions to upstream servers over real sockets, with and without EDNS support."""

from ipaddress import IPv6Address, ip_address
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from app.dns.counters import Count
from app.dns.messages.message import Rcode
from app.dns.messages.wire import encode_name
from app.dns.upstream.exchange import KNOWN_S, PLAIN_S, EdnsMemory, Unanswered, Upstream
from app.dns.upstream.question import UpstreamQuery
from app.dns.upstream.server_list import Server
from app.domain.names import parse_domain
from tests.dns.upstream_server import TCP, UDP, Answer, Asked, upstream_server

ATTEMPT_S = 1.0  # short enough for timeouts in tests, long enough for a busy machine
PATIENT_S = 20.0  # where every server answers
HEADER_BYTES = 12
ONE, OTHER = Server(ip_address("192.0.2.1")), Server(ip_address("192.0.2.2"))


def asking(name: str = "www.example.com", **flags: bool) -> UpstreamQuery:
    return UpstreamQuery(encode_name(parse_domain(name)) + b"\0\1\0\1", **flags)


def plain_reply(asked: Asked) -> bytes:
    """Answer as a server without EDNS."""
    reply = dns.message.make_response(asked.message)
    reply.use_edns(None)
    name = asked.message.question[0].name
    reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.80"))
    return reply.to_wire()


def edns_reply(asked: Asked, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    """Answer as a server with EDNS."""
    reply = dns.message.make_response(asked.message)
    reply.set_rcode(rcode)
    if rcode == dns.rcode.NOERROR:
        name = asked.message.question[0].name
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.80"))
    return reply.to_wire()


def refused(asked: Asked, rcode: dns.rcode.Rcode) -> bytes:
    reply = dns.message.make_response(asked.message)
    reply.use_edns(None)
    reply.set_rcode(rcode)
    return reply.to_wire()


def formerr(asked: Asked) -> bytes:
    return refused(asked, dns.rcode.FORMERR)


def notimp(asked: Asked) -> bytes:
    return refused(asked, dns.rcode.NOTIMP)


def bare_header(asked: Asked) -> bytes:
    return formerr(asked)[:HEADER_BYTES]


def empty_header(asked: Asked) -> bytes:
    return formerr(asked)[:4] + bytes(8)


def echo(asked: Asked) -> bytes:
    """Send the question back, OPT record and all, as a format error."""
    octets = bytearray(asked.message.to_wire())
    octets[2:4] = b"\x81\x81"
    return bytes(octets)


def silence(_asked: Asked) -> None:
    return None


def without_edns(to_opt: Answer) -> Answer:
    """Answer questions without OPT normally."""
    return lambda asked: to_opt(asked) if asked.has_opt else plain_reply(asked)


def cut(answer: Answer) -> Answer:
    """Truncate all answers over UDP."""

    def answer_cut(asked: Asked) -> bytes | None:
        if asked.transport == TCP:
            return answer(asked)
        reply = dns.message.make_response(asked.message)
        reply.use_edns(None)
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    return answer_cut


REFUSALS = [formerr, notimp, bare_header, empty_header, echo]


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_server_that_refuses_opt_is_asked_without_and_remembered(refusal: Answer) -> None:
    async with upstream_server(without_edns(refusal)) as server:
        upstream = Upstream([server.server], attempt_s=PATIENT_S)
        for _ in range(2):
            reply = await upstream.ask(asking())
            assert (reply.rcode, len(reply.sections[0])) == (Rcode.NOERROR, 1)
        assert server.opts == [True, False, False]
        assert upstream.counts[Count.UPSTREAM_REQUESTS] == 3
        assert upstream.counts[Count.UPSTREAM_FAILURES] == 0


async def test_a_server_that_ignores_opt_is_asked_without_and_remembered() -> None:
    async with upstream_server(without_edns(silence)) as server:
        upstream = Upstream([server.server], attempt_s=ATTEMPT_S)
        for _ in range(2):
            assert (await upstream.ask(asking())).rcode == Rcode.NOERROR
        assert server.opts == [True, False, False]


@pytest.mark.parametrize("refusal", [*REFUSALS, silence])
async def test_opt_may_be_refused_over_tcp_as_well(refusal: Answer) -> None:
    async with upstream_server(cut(without_edns(refusal))) as server:
        upstream = Upstream([server.server], attempt_s=PATIENT_S)
        for _ in range(2):
            reply = await upstream.ask(asking())
            assert (reply.rcode, reply.is_truncated) == (Rcode.NOERROR, False)
        spoken = [(asked.transport, asked.has_opt) for asked in server.asked]
        assert spoken == [(UDP, True), (TCP, True), *[(UDP, False), (TCP, False)] * 2]


async def test_a_server_that_leaves_opt_out_of_its_answer_is_asked_as_before() -> None:
    async with upstream_server(plain_reply) as server:
        upstream = Upstream([server.server], attempt_s=PATIENT_S)
        for _ in range(2):
            assert (await upstream.ask(asking())).rcode == Rcode.NOERROR
        assert server.opts == [True, True]


@pytest.mark.parametrize("refusal", [formerr, bare_header, echo])
async def test_the_refusal_of_a_question_by_a_server_with_edns_is_no_refusal_of_opt(
    refusal: Answer,
) -> None:
    def answer(asked: Asked) -> bytes | None:
        is_refused = "refused" in asked.message.question[0].name.to_text()
        return refusal(asked) if is_refused else edns_reply(asked)

    async with upstream_server(answer) as server:
        upstream = Upstream([server.server], attempt_s=PATIENT_S)
        await upstream.ask(asking())
        assert (await upstream.ask(asking("refused.example.com"))).rcode == Rcode.FORMERR
        before = len(server.asked)
        await upstream.ask(asking())
        assert server.opts[before:] == [True]


@pytest.mark.parametrize("is_dnssec_ok", [False, True])
async def test_a_packet_lost_on_the_way_to_a_server_with_edns_changes_nothing(
    *, is_dnssec_ok: bool
) -> None:
    async with upstream_server(edns_reply) as server:
        upstream = Upstream([server.server], attempt_s=ATTEMPT_S)
        await upstream.ask(asking())
        lost = iter([None])
        server.answer = lambda asked: next(lost, edns_reply(asked))
        reply = await upstream.ask(asking("lost.example.com", is_dnssec_ok=is_dnssec_ok))
        assert reply.rcode == Rcode.NOERROR
        # A question for signatures is retried with OPT, others without.
        assert server.opts == [True, True, is_dnssec_ok]
        await upstream.ask(asking("next.example.com"))
        assert server.opts[-1]


async def test_a_server_that_is_down_for_a_while_is_not_assumed_to_lack_edns() -> None:
    async with upstream_server(silence) as server:
        upstream = Upstream([server.server], attempt_s=ATTEMPT_S)
        with pytest.raises(Unanswered):
            await upstream.ask(asking())
        server.answer = edns_reply
        assert (await upstream.ask(asking())).rcode == Rcode.NOERROR
        assert server.opts == [True, False, True]


async def test_missing_edns_of_one_server_does_not_affect_another() -> None:
    async with (
        upstream_server(without_edns(formerr)) as old,
        upstream_server(edns_reply) as new,
    ):
        for first in (old, new):
            upstream = Upstream(
                [first.server, *({old.server, new.server} - {first.server})], attempt_s=PATIENT_S
            )
            assert (await upstream.ask(asking())).rcode == Rcode.NOERROR
        assert old.opts == [True, False]
        assert new.opts == [True]


async def test_a_server_that_ignored_opt_while_another_answered_is_asked_without() -> None:
    async with (
        upstream_server(without_edns(silence)) as old,
        upstream_server(edns_reply) as new,
    ):
        upstream = Upstream([old.server, new.server], attempt_s=ATTEMPT_S)
        assert (await upstream.ask(asking())).rcode == Rcode.NOERROR
        new.answer = formerr
        assert (await upstream.ask(asking())).rcode == Rcode.NOERROR
        assert old.opts == [True, False]


async def test_a_closed_port_is_not_taken_for_a_refusal_of_opt() -> None:
    async with upstream_server(edns_reply) as server:
        address = server.server
    upstream = Upstream([address], attempt_s=PATIENT_S)
    with pytest.raises(Unanswered):
        await upstream.ask(asking())
    assert not upstream.edns.is_asked_plainly(address, 0)


@pytest.mark.parametrize("refusal", [formerr, silence])
async def test_a_server_that_refuses_with_and_without_opt_has_failed(refusal: Answer) -> None:
    async with upstream_server(refusal) as server:
        upstream = Upstream([server.server], attempt_s=ATTEMPT_S)
        if refusal is silence:
            with pytest.raises(Unanswered):
                await upstream.ask(asking())
        else:
            assert (await upstream.ask(asking())).rcode == Rcode.FORMERR
        assert True in server.opts
        assert False in server.opts


async def test_a_server_that_answers_only_opt_has_refused_the_question() -> None:
    async with upstream_server(lambda asked: formerr(asked) if asked.has_opt else None) as server:
        upstream = Upstream([server.server], attempt_s=ATTEMPT_S)
        assert (await upstream.ask(asking())).rcode == Rcode.FORMERR


async def test_a_referral_is_no_answer_as_long_as_another_server_has_one() -> None:
    def referral(asked: Asked) -> bytes:
        reply = dns.message.make_response(asked.message)
        reply.authority.append(dns.rrset.from_text("com.", 60, "IN", "NS", "ns.example.net."))
        return reply.to_wire()

    async with upstream_server(referral) as root, upstream_server(edns_reply) as recursive:
        upstream = Upstream([root.server, recursive.server], attempt_s=PATIENT_S)
        assert (await upstream.ask(asking())).sections[0]
        alone = Upstream([root.server], attempt_s=PATIENT_S)
        assert (await alone.ask(asking())).is_referral


def oversized(asked: Asked) -> bytes:
    """Answer with more records than the bound of one message."""
    header = asked.message.to_wire()[:2] + b"\x81\x80\0\1" + (5_000).to_bytes(2) + bytes(4)
    question = asking().question
    return header + question + 5_000 * (b"\0\0\1\0\1" + bytes(4) + b"\0\0")


def cut_everywhere(asked: Asked) -> bytes:
    """Set TC over TCP as well, without records."""
    reply = dns.message.make_response(asked.message)
    reply.flags |= dns.flags.TC
    return reply.to_wire()


def cut_with_an_answer(asked: Asked) -> bytes:
    """Set TC over TCP, with some records."""
    reply = dns.message.from_wire(edns_reply(asked))
    reply.flags |= dns.flags.TC
    return reply.to_wire()


UNUSABLE = [cut(oversized), cut_everywhere, cut_with_an_answer]


@pytest.mark.parametrize("answer", UNUSABLE)
async def test_an_unusable_answer_is_a_failure_of_its_server(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    async with upstream_server(answer) as bad, upstream_server(edns_reply) as good:
        upstream = Upstream([bad.server, good.server], attempt_s=PATIENT_S)
        reply = await upstream.ask(asking())
        assert (reply.is_truncated, len(reply.sections[0])) == (False, 1)
        assert upstream.counts[Count.UPSTREAM_FAILURES] == 1
        # A server that has failed is asked last for a while.
        await upstream.ask(asking())
        assert [asked.transport for asked in bad.asked] == [UDP, TCP]
        alone = Upstream([bad.server], attempt_s=PATIENT_S)
        with pytest.raises(Unanswered):
            await alone.ask(asking())
    logged = [record.message for record in caplog.records]
    assert len(logged) == 2  # one for each of the two Upstreams, however often they ask
    assert all(str(bad.server) in line for line in logged)


async def test_an_oversized_datagram_is_a_failure_of_its_server() -> None:
    def answer(asked: Asked) -> bytes:
        return oversized(asked)[:60_000]

    def announced(asked: Asked) -> bytes:
        return answer(asked)[:6] + (4_500).to_bytes(2) + answer(asked)[8:]

    async with upstream_server(announced) as server:
        upstream = Upstream([server.server], attempt_s=PATIENT_S)
        with pytest.raises(Unanswered):
            await upstream.ask(asking())
        assert upstream.counts[Count.UPSTREAM_MISMATCHES] == 0


def link_local() -> str:
    """Find a link-local address of this machine, with its zone."""
    try:
        lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").split("\n")
    except OSError:
        return ""
    found = (line.split() for line in lines if line.startswith("fe80"))
    return next((f"{IPv6Address(bytes.fromhex(each[0]))}%{each[5]}" for each in found), "")


@pytest.mark.skipif(not link_local(), reason="no link of this machine has IPv6")
@pytest.mark.parametrize("answer", [edns_reply, cut(edns_reply)], ids=[UDP, TCP])
async def test_a_server_on_a_link_is_reached_through_its_zone(answer: Answer) -> None:
    async with upstream_server(answer, link_local()) as server:
        upstream = Upstream([server.server], attempt_s=PATIENT_S)
        assert (await upstream.ask(asking())).sections[0]
        zoneless = Server(IPv6Address(str(server.server.address).partition("%")[0]), 53)
        with pytest.raises(Unanswered):
            await Upstream([zoneless], attempt_s=PATIENT_S).ask(asking())


# What is remembered of servers, without sockets.


def test_every_server_is_first_assumed_to_support_edns() -> None:
    assert not EdnsMemory().is_asked_plainly(ONE, 0)
    assert not EdnsMemory().is_known(ONE, 0)


def test_a_server_that_needs_plain_questions_gets_them_for_a_while_and_is_then_tried_again() -> (
    None
):
    memory = EdnsMemory()
    memory.needs_plain(ONE, 100)
    memory.needs_plain(ONE, 100 + PLAIN_S - 1)  # answers during the period do not extend it
    assert memory.is_asked_plainly(ONE, 100 + PLAIN_S - 1)
    assert not memory.is_asked_plainly(ONE, 100 + PLAIN_S)
    assert not memory.is_asked_plainly(OTHER, 100)
    memory.needs_plain(ONE, 100 + PLAIN_S)
    assert memory.is_asked_plainly(ONE, 100 + PLAIN_S)


def test_an_opt_record_ends_the_plain_questions() -> None:
    memory = EdnsMemory()
    memory.needs_plain(ONE, 0)
    memory.shown(ONE, 1)
    assert not memory.is_asked_plainly(ONE, 2)


def test_a_missing_answer_makes_a_server_suspect_until_it_answers_or_misses_both() -> None:
    memory = EdnsMemory()
    memory.silent(ONE, 0, was_plain=False)
    assert memory.is_asked_plainly(ONE, 10**6)
    memory.silent(ONE, 1, was_plain=True)
    assert not memory.is_asked_plainly(ONE, 2)
    memory.silent(ONE, 3, was_plain=False)
    memory.shown(ONE, 4)
    assert not memory.is_asked_plainly(ONE, 5)


@pytest.mark.parametrize("age_s", [0, KNOWN_S - 1, KNOWN_S])
def test_a_server_that_recently_showed_edns_is_not_suspect(age_s: float) -> None:
    memory = EdnsMemory()
    memory.shown(ONE, 0)
    is_known = age_s < KNOWN_S
    assert memory.is_known(ONE, age_s) == is_known
    memory.silent(ONE, age_s, was_plain=False)
    assert memory.is_asked_plainly(ONE, age_s) != is_known
    memory.needs_plain(ONE, age_s)
    assert memory.is_asked_plainly(ONE, age_s) != is_known
