"""Answers compiled before they are asked for, while there is nothing better to do.

    (View, Answers) -> the addresses and named ports of every Service, a few at a time

A process that has just started would otherwise work out each answer while its
first client waits.  What a commit touches later is compiled when asked for.
Source: style.md 2, decision 4.
"""

import asyncio
from collections.abc import Iterator

from app.dns.answering.answers import Answers
from app.dns.answering.protocol import Source
from app.domain.addresses import IPFamily
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.discovery.zone.records import RecordType
from app.domain.names import DomainName
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

SLICE_ANSWERS = 16  # compiled before others have their turn
PAUSE_S = 0.001  # that others have at least
SYNC_POLL_S = 0.05

Question = tuple[DomainName, RecordType]


async def prepare(source: Source, answers: Answers, config: ZoneConfig) -> None:
    """Compile what is most likely asked, once the state is known."""
    while not source.is_synced:  # noqa: ASYNC110  the first load tells no subscriber
        await asyncio.sleep(SYNC_POLL_S)
    for number, (name, type_) in enumerate(likely_questions(source.snapshot, config)):
        # The state of now: what is compiled must be right for it, and not for the one at the start.
        if not answers.prepare(source.snapshot, name, type_):
            return
        if number % SLICE_ANSWERS == 0:
            await asyncio.sleep(PAUSE_S)


def likely_questions(snapshot: Snapshot, config: ZoneConfig) -> Iterator[Question]:
    """List the questions that programs ask about Services, by key."""
    apex = config.forward_zone.labels
    for key in sorted(snapshot.services):
        service = snapshot.services[key]
        if service.is_external_name:
            continue
        labels = (key.name, key.namespace, "svc", *apex)
        yield from ((DomainName(labels), type_) for type_ in _address_types(service))
        for port in service.ports:
            if port.name:
                name = (f"_{port.name}", f"_{port.protocol.lower()}", *labels)
                yield DomainName(name), RecordType.SRV


def _address_types(service: Service) -> Iterator[RecordType]:
    if IPFamily.IPV4 in service.ip_families:
        yield RecordType.A
    if IPFamily.IPV6 in service.ip_families:
        yield RecordType.AAAA
