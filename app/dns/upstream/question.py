"""Questions to upstream servers, and their replies, as values.

    UpstreamQuery -> octets          UpstreamReply: a response code and uncompressed records

``message`` parses the octets of a reply.  Source: RFC 1035 section 4.1, RFC 2308.
"""

from dataclasses import dataclass
from functools import cached_property

from app.dns.messages.message import (
    FLAG_CHECKING_DISABLED,
    FLAG_RECURSION_DESIRED,
    TYPE_SOA,
    Edns,
    Rcode,
    encode_query,
)
from app.dns.messages.wire import TYPE_AND_CLASS_BYTES, RawRecord, Sections
from app.domain.discovery.zone.records import TYPE_ANY, RecordType

FINAL_RCODES = (Rcode.NOERROR, Rcode.NXDOMAIN)
"""The response codes of successful replies; all others are failures."""


@dataclass(frozen=True, slots=True)
class UpstreamQuery:
    """A question to an upstream server; ``question`` is the whole question section."""

    question: bytes
    is_dnssec_ok: bool = False
    is_checking_disabled: bool = False

    @property
    def name(self) -> bytes:
        """The name in the question, as octets."""
        return self.question[:-TYPE_AND_CLASS_BYTES]

    @property
    def type(self) -> int:
        """The type in the question."""
        return int.from_bytes(self.question[-TYPE_AND_CLASS_BYTES:][:2])

    def encode(self, id_: int, udp_bytes: int | None) -> bytes:
        """Write the query; ``udp_bytes`` is None for a server without EDNS."""
        checking = FLAG_CHECKING_DISABLED if self.is_checking_disabled else 0
        edns = None if udp_bytes is None else Edns(udp_bytes, is_dnssec_ok=self.is_dnssec_ok)
        query = encode_query(FLAG_RECURSION_DESIRED | checking, self.question, edns)
        return id_.to_bytes(2) + query


@dataclass(frozen=True)
class UpstreamReply:
    """A reply of an upstream; its OPT record is not in ``sections``, see ``has_opt``."""

    rcode: int
    is_truncated: bool
    sections: Sections
    has_opt: bool = False

    @property
    def has_soa(self) -> bool:
        """Whether it has an SOA, which gives a denial its TTL."""
        return any(record.type == TYPE_SOA for record in self.sections[1])

    @property
    def is_denial(self) -> bool:
        """Whether a reply without an answer denies the name (NXDOMAIN) or its records (NODATA)."""
        return self.rcode == Rcode.NXDOMAIN or (self.rcode == Rcode.NOERROR and self.has_soa)

    @property
    def is_referral(self) -> bool:
        """Whether it only refers to other nameservers, which is no answer to a program."""
        answers, authority, _ = self.sections
        has_others = any(record.type == RecordType.NS for record in authority)
        return self.rcode == Rcode.NOERROR and not answers and has_others and not self.has_soa

    @cached_property
    def ttl_s(self) -> int:
        """The time it may be cached: the lowest TTL of its answer and authority records."""
        answers, authority, _ = self.sections
        return min((record.ttl_s for record in (*answers, *authority)), default=0)

    def answers(self, query: UpstreamQuery) -> bool:
        """Whether it has records of the question's type, after following its aliases.

        RFC 2308 section 2.2: aliases alone are no answer, even with NOERROR.
        """
        if self.rcode != Rcode.NOERROR:
            return False
        records = [record for record in self.sections[0] if isinstance(record, RawRecord)]
        name, type_ = query.name.lower(), query.type
        aliases = {
            record.owner.lower(): record.data.lower()
            for record in records
            if record.type == RecordType.CNAME
        }
        while type_ not in (RecordType.CNAME, TYPE_ANY) and name in aliases:
            name = aliases.pop(name)
        return any(
            record.owner.lower() == name and type_ in (record.type, TYPE_ANY) for record in records
        )
