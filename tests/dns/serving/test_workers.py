"""Workers: processes that share the port, follow the view, and are replaced when they end."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode

from app.dns.answering.protocol import ProtocolConfig
from app.dns.counters import Count
from app.dns.serving.server import ServerOptions
from app.dns.serving.workers import DNSWorkers
from app.domain.changes import Change
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import Revision, parse_domain
from app.domain.snapshot import load
from app.registry.reads.view import View
from tests.builders import a_namespace, a_service
from tests.dns.client import data_of

HOST = "127.0.0.1"
WAIT_S = 20.0
CONFIG = ProtocolConfig(zone=ZoneConfig(zones=(parse_domain("cluster.local"),)))


@asynccontextmanager
async def working(view: View, count: int) -> AsyncGenerator[DNSWorkers]:
    workers = DNSWorkers(view, CONFIG, ServerOptions(), count=count)
    await workers.start(HOST, 0)
    try:
        yield workers
    finally:
        await workers.close()


async def answers(port: int, name: str, *, tcp: bool = False) -> list[str]:
    query = dns.message.make_query(f"{name}.default.svc.cluster.local", "A")
    ask = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    reply = await ask(query, HOST, 2, port)
    return ["SERVFAIL"] if reply.rcode() == dns.rcode.SERVFAIL else data_of(reply.answer)


async def until(port: int, name: str, expected: list[str], times: int) -> None:
    """Ask until ``times`` answers in a row, each from a socket of its own, are as expected."""
    row = 0
    async with asyncio.timeout(WAIT_S):
        while row < times:
            try:
                found = await answers(port, name, tcp=bool(row % 2))
            except (dns.exception.Timeout, OSError, EOFError):
                found = None
            row = row + 1 if found == expected else 0
            await asyncio.sleep(0 if row else 0.02)


async def test_every_worker_answers_receives_commits_and_is_replaced() -> None:
    view = View()
    view.reset(
        load([a_namespace(), a_service()], revision=Revision(1)), history=(), compacted=Revision(1)
    )
    async with working(view, 2) as workers:
        await until(workers.port, "web", ["10.96.0.20"], 30)
        moved = a_service(cluster_ips=("10.96.0.99",))
        view.advance([Change(revision=Revision(2), before=a_service(), after=moved)])
        await until(workers.port, "web", ["10.96.0.99"], 30)
        await asyncio.sleep(1.2)
        assert sum(workers.stats().replies.values()) >= 60
        os.kill(children()[0], signal.SIGKILL)
        new = a_service("db", cluster_ips=("10.96.0.30",))
        view.advance([Change(revision=Revision(3), before=None, after=new)])
        await until(workers.port, "db", ["10.96.0.30"], 30)
        assert len(children()) == 2
        assert workers.stats().counts[Count.FAILURES] == 0
    assert children() == []


async def test_workers_wait_for_the_first_state() -> None:
    view = View()
    async with working(view, 1) as workers:
        await until(workers.port, "web", ["SERVFAIL"], 1)
        state = load([a_namespace(), a_service()], revision=Revision(1))
        view.reset(state, history=(), compacted=Revision(1))
        await until(workers.port, "web", ["10.96.0.20"], 3)


def children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as found:  # noqa: PTH123
        numbers = [int(number) for number in found.read().split()]
    return [number for number in numbers if b"app.dns.serving.worker" in _command(number)]


def _command(number: int) -> bytes:
    with open(f"/proc/{number}/cmdline", "rb") as command:  # noqa: PTH123
        return command.read()
