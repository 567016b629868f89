"""Data as text: as dnspython writes it; unknown types as octets, invalid data not at all."""

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.messages.rdata_text import name_of_type, text_of_data
from app.dns.messages.wire import Truncated
from app.domain.names import MalformedName

TEXTS = (
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("NS", "ns.example.com."),
    ("CNAME", "a\\.b.example.com."),
    ("PTR", "."),
    ("DNAME", "example.net."),
    ("MX", "10 mail.example.com."),
    ("SRV", "1 2 3 srv.example.com."),
    ("SOA", "ns.example.com. host.example.com. 1 2 3 4 5"),
    ("TXT", '"one"'),
    ("TXT", '"one" "" "t\\"w\\\\o\\200"'),
    ("TYPE65280", "\\# 3 616263"),
    ("TYPE65280", "\\# 0"),
)
numbers = st.integers(0, 0xFFFF)


@pytest.mark.parametrize(("type_", "text"), TEXTS)
def test_data_is_written_in_presentation_format(type_: str, text: str) -> None:
    number = dns.rdatatype.from_text(type_)
    data = dns.rdata.from_text(dns.rdataclass.IN, number, text).to_wire()
    assert data is not None
    assert (name_of_type(number), text_of_data(number, data)) == (type_, text)


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("A", b"abc"),
        ("AAAA", b"abcd"),
        ("NS", b""),
        ("CNAME", b"\1a"),
        ("CNAME", b"\1a\0more"),
        ("MX", b"\0"),
        ("SRV", b"\0\0\0\0\0\0\7short\0"),
        ("SOA", b"\0\0only nineteen octets"[:21]),
        ("TXT", b"\5four"),
    ],
)
def test_invalid_data_of_a_type_has_no_text(type_: str, data: bytes) -> None:
    with pytest.raises((MalformedName, Truncated, ValueError)):
        text_of_data(dns.rdatatype.from_text(type_), data)


@given(st.sampled_from([1, 2, 5, 6, 12, 15, 16, 33, 39]), st.binary(max_size=60))
def test_another_library_reads_back_every_text(number: int, data: bytes) -> None:
    type_ = dns.rdatatype.RdataType.make(number)
    try:
        text = text_of_data(type_, data)
    except (MalformedName, Truncated, ValueError):
        with pytest.raises(dns.exception.DNSException):
            dns.rdata.from_wire(dns.rdataclass.IN, type_, data, 0, len(data))
        return
    if text:
        assert dns.rdata.from_text(dns.rdataclass.IN, type_, text).to_wire() == data


@given(numbers, numbers, numbers)
def test_numbers_are_written_in_the_order_of_the_record(
    priority: int, weight: int, port: int
) -> None:
    data = b"".join(number.to_bytes(2) for number in (priority, weight, port)) + b"\1a\0"
    assert text_of_data(33, data) == f"{priority} {weight} {port} a."
