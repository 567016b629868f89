"""Coverage-guided fuzzing of what comes off the network; not part of the test run.

    python -m pip install atheris
    python tests/dns/fuzz.py -max_total_time=600

The law is that of the tests: any octets give octets or silence, the id comes
back, a reply fits; replies of others are read to their end or not at all.
"""

import importlib
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")  # no dependency: whoever fuzzes installs it

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports():
    from app.dns.foreign import parse_reply
    from app.dns.messages import Transport
    from app.dns.protocol import Protocol, ProtocolConfig
    from app.domain.addresses import parse_prefix
    from app.domain.discovery.zone_config import cluster_config
    from app.registry.view import View
    from tests.dns_vectors import snapshot_of

CLIENT = ip_address("192.0.2.7")
REPLY_BYTES_MAX = 4096


def a_protocol() -> Protocol:
    """Make a protocol over a state with a bit of everything."""
    view, snapshot = View(), snapshot_of("edge")
    view.reset(snapshot, history=(), compacted=snapshot.revision)
    prefix = parse_prefix("10.50.0.0/24")
    assert prefix is not None
    return Protocol(view, ProtocolConfig(zone=cluster_config("cluster.local", [prefix])))


PROTOCOL = a_protocol()


def try_octets(octets: bytes) -> None:
    """Hold one message against the law."""
    transport = Transport(octets[0] & 1) if octets else Transport.UDP
    message = octets[1:]
    reply = PROTOCOL.respond(message, transport, CLIENT)
    assert reply is None or (isinstance(reply, bytes) and reply[:2] == message[:2])
    if reply is not None and transport == Transport.UDP:
        assert len(reply) <= REPLY_BYTES_MAX
    half = len(message) // 2
    parse_reply(message[half:], message[:half])


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_octets)
    atheris.Fuzz()
