"""A DNS client for tests: replies as rows in the form of the vectors."""

from collections.abc import Iterable

import dns.message
import dns.rrset

from tests.dns_vectors import Row


def rows(section: Iterable[dns.rrset.RRset]) -> list[Row]:
    """Return the records of a section; the serial of an SOA is not compared."""
    return [_row(line) for rrset in section for line in rrset.to_text().splitlines()]


def data_of(section: Iterable[dns.rrset.RRset]) -> list[str]:
    """Return the data of a section's records, in the order sent."""
    return [line.split(None, 4)[4] for rrset in section for line in rrset.to_text().splitlines()]


def options_of(message: dns.message.Message) -> list[str]:
    """Return the EDNS options of a message as text."""
    return [line for line in message.to_text().splitlines() if line.startswith("option ")]


def _row(line: str) -> Row:
    name, ttl, _, type_, rdata = line.split(None, 4)
    if type_ == "SOA":
        first, second, _, *times = rdata.split()
        rdata = " ".join((first, second, "*", *times))
    return (name.lower(), type_, int(ttl), rdata.lower())
