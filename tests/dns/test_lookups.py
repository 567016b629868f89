"""What upstreams say, in the words of the API."""

import dns.rcode
import pytest

from app.dns import upstream
from app.dns.lookups import Lookups
from app.domain.discovery.lookup import Rcode
from app.domain.names import parse_domain
from tests.dns.test_forwarder import addresses, denial, forwarding, silence

NAME = parse_domain("www.example.com")


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("SRV", "1 2 3 srv.example.com."),
        ("CNAME", "example.com."),
        ("TXT", '"one"'),
    ],
)
async def test_records_are_told_as_text(type_: str, value: str) -> None:
    async with forwarding(addresses(value, type_=type_)) as (server, _):
        reply = await Lookups(server.forwarder)(NAME, type_)
        (record,) = reply.records
        assert (record.rtype, record.value, str(record.name)) == (type_, value, f"{NAME}")
        assert reply.rcode is Rcode.NOERROR


async def test_denials_silence_and_circles_are_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "ATTEMPT_S", 0.1)
    async with forwarding(denial(dns.rcode.NXDOMAIN)) as (server, foreign):
        ask = Lookups(server.forwarder)
        assert (await ask(NAME, "A")).rcode is Rcode.NXDOMAIN
        foreign.answer = silence
        assert (await ask(NAME, "AAAA")).rcode is Rcode.SERVFAIL
        server.forwarder.is_looping = True
        assert (await ask(NAME, "A")).rcode is Rcode.REFUSED
