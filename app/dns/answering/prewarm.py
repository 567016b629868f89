"""Compiles likely answers in the background after the start.

    (View, Answers) -> the addresses and named ports of every Service, a few at a time

Otherwise the first client to ask each question after a start would wait for the
compilation.  Answers that a later commit drops are compiled at the next question.
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
from app.domain.snapshot import Snapshot

SLICE_ANSWERS = 16  # compiled between two yields to the event loop
PAUSE_S = 0.001  # the shortest pause at a yield
SYNC_POLL_S = 0.05

Question = tuple[DomainName, RecordType]


async def prepare(source: Source, answers: Answers, config: ZoneConfig) -> None:
    """Compile the likely answers once the state is loaded."""
    while not source.is_synced:  # noqa: ASYNC110  the first load notifies no subscriber
        await asyncio.sleep(SYNC_POLL_S)
    for number, (name, type_) in enumerate(likely_questions(source.snapshot, config)):
        # Compile against the current snapshot, which may be newer than the one listed from.
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
        for family, type_ in ((IPFamily.IPV4, RecordType.A), (IPFamily.IPV6, RecordType.AAAA)):
            if family in service.ip_families:
                yield DomainName(labels), type_
        for port in service.ports:
            if port.name:
                name = (f"_{port.name}", f"_{port.protocol.lower()}", *labels)
                yield DomainName(name), RecordType.SRV
