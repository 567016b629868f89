"""NOTIFY messages to secondaries, so that they transfer the changed zone.

    commit -> [once per interval] -> NOTIFY to every peer, until it acknowledges

Commits within one interval share a NOTIFY.  A peer that does not acknowledge is retried
a few times; after that it learns of the change by its refresh timer.  Source: RFC 1996.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable

from app.dns.messages.message import FLAG_AUTHORITATIVE, FLAG_RESPONSE, Opcode, header_words
from app.dns.messages.wire import HEADER_BYTES, encode_body, encode_question
from app.dns.upstream.exchange import exchange_udp
from app.dns.upstream.server_list import Server
from app.domain.discovery.zone.records import Record, RecordType

INTERVAL_S = 1.0  # between two NOTIFY messages about a zone
ATTEMPTS_MAX = 3
ATTEMPT_S = 2.0
_ID_BITS = 16
_OPCODE_SHIFT = 11

_log = logging.getLogger(__name__)

Zones = Callable[[], Iterable[Record]]
"""Returns the current SOA records of the zones."""


class Notifier:
    """Notifies a fixed set of peers; runs until it is cancelled."""

    def __init__(self, peers: Iterable[Server], zones: Zones) -> None:
        self._peers = tuple(peers)
        self._zones = zones
        self._changed = asyncio.Event()
        self._changed.set()

    def changed(self) -> None:
        """Schedule a NOTIFY."""
        self._changed.set()

    async def run(self) -> None:
        """Notify the peers at the start and after every change."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            pairs = [(peer, record) for record in self._zones() for peer in self._peers]
            await asyncio.gather(*(self._notify(peer, record) for peer, record in pairs))
            await asyncio.sleep(INTERVAL_S)

    async def _notify(self, peer: Server, soa: Record) -> None:
        message = encode_notify(soa, secrets.randbits(_ID_BITS))
        for _ in range(ATTEMPTS_MAX):
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    await exchange_udp(peer, message, is_acknowledged)
            except (OSError, TimeoutError):
                continue
            return
        _log.warning("%s does not acknowledge that %s has changed", peer, soa.name)


def encode_notify(soa: Record, id_: int) -> bytes:
    """Write a NOTIFY for the zone of an SOA record."""
    flags = Opcode.NOTIFY << _OPCODE_SHIFT | FLAG_AUTHORITATIVE
    question = encode_question(soa.name, RecordType.SOA)
    body = encode_body(soa.name, ((soa,), (), ()))
    return id_.to_bytes(2) + header_words(flags, (1, 1, 0, 0)) + question + body.octets


def is_acknowledged(reply: bytes, message: bytes) -> bool | None:
    """Whether ``reply`` acknowledges ``message``; None when it belongs to another message."""
    if len(reply) < HEADER_BYTES or reply[:2] != message[:2]:
        return None
    return bool(int.from_bytes(reply[2:4]) & FLAG_RESPONSE) or None
