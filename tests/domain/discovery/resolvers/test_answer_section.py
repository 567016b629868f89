"""Reading an answer: the chain of aliases is followed, other records are ignored."""

import pytest

from app.domain.discovery.resolvers.answer_section import read
from app.domain.discovery.resolvers.lookup import Candidate, Rcode, Record, Reply
from app.domain.names import parse_domain

WEB = Candidate(name=parse_domain("web.test."), source="as-is")
ALIAS = ("web.test.", "CNAME", "srv.test.")
OTHER = ("other.test.", "A", "192.0.2.9")


def record(name: str, rtype: str, value: str) -> Record:
    return Record(name=parse_domain(name), rtype=rtype, ttl_s=5, value=value)


def reply(*rows: tuple[str, str, str]) -> Reply:
    return Reply(rcode=Rcode.NOERROR, records=tuple(record(*row) for row in rows))


@pytest.mark.parametrize(
    ("rows", "addresses", "canonical"),
    [
        ([("web.test.", "A", "192.0.2.1")], ("192.0.2.1",), "web.test"),
        ([ALIAS, ("srv.test.", "A", "192.0.2.1")], ("192.0.2.1",), "srv.test"),
        ([OTHER, ("web.test.", "A", "192.0.2.1")], ("192.0.2.1",), "web.test"),
        ([OTHER, ALIAS], (), "srv.test"),
        # An address of an earlier name of the chain is ignored.
        ([ALIAS, ("web.test.", "A", "192.0.2.1")], (), "srv.test"),
    ],
)
def test_only_addresses_at_the_end_of_the_chain_count(
    rows: list[tuple[str, str, str]], addresses: tuple[str, ...], canonical: str
) -> None:
    reading = read(WEB, [reply(*rows)])
    assert (reading.addresses, reading.canonical_name) == (addresses, canonical)
    assert reading.records == reply(*rows).records


def test_the_replies_of_two_types_share_their_aliases() -> None:
    four = reply(ALIAS, ("srv.test.", "A", "192.0.2.1"))
    six = reply(ALIAS, ("srv.test.", "AAAA", "2001:db8::1"))
    reading = read(WEB, [four, six])
    assert reading.addresses == ("192.0.2.1", "2001:db8::1")
    assert [each.rtype for each in reading.records] == ["CNAME", "A", "AAAA"]
