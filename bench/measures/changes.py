"""How soon a change shows: in DNS answers, and in what a node is told.

    100 creates a second -> POST sent -> the name is answered over UDP
                                      -> GET /nodes/{name}/ipvs/changes has its revision

The clock starts when the write is sent, so the write itself is in every figure; what
it takes stands beside them.
"""

import asyncio
import re
from collections.abc import Iterator
from time import monotonic

from bench.harness.figures import Figure, at_most, percentile
from bench.harness.load import request
from bench.harness.names import RCODE_MASK, RCODE_PLACE, question
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import DOMAIN, Wire, namespace_of, service
from bench.harness.writer import WAYPOST_REVISION, Connection, Written, connect, write_paced

A_SECOND, SECONDS = 100, 5.0
LOOK_EVERY_S, SHOWN_S_MAX = 0.001, 20.0
WAIT_S = 30  # of one question for changes
LAST_REVISION = re.compile(rb'"resourceVersion":"(\d+)"\}\s*\Z')
CREATE = "a Service created, 100 a second: from its POST to"
ANSWERED = Figure(f"{CREATE} its answer, p99", "ms")
BOUND = (
    "one core is shared by the event loop, PostgreSQL and the look ahead at node rules, whose "
    "thread takes 11 ms (p50) every 0.5 s (2026-12-01, a504218): a write by itself takes 2.8 ms, "
    "1.7 of it in PostgreSQL, and 9 to 12 ms in the slowest hundredth; the disk alone has 0.6 ms "
    "there, and gaps of the loop were 3 to 7 ms of waiting for the core"
)
IN_DNS = Figure(f"{CREATE} the DNS answer, p99", "ms", at_most(10), bounded_by=BOUND)
IN_DNS_P50 = Figure(f"{CREATE} the DNS answer, p50", "ms")
AT_NODE = Figure(
    f"{CREATE} the node's delta, p99",
    "ms",
    at_most(20),
    bounded_by="the same, as for the DNS answer",
)
AT_NODE_P50 = Figure(f"{CREATE} the node's delta, p50", "ms")


async def measure(run: Run) -> None:
    """Follow the changes of each round."""
    async with run.registries.filled(run.size) as registry:
        await one_round(registry, run, "warm", 1.0)
        for number in run.rounds():
            written, in_dns_ms, at_node_ms = await one_round(
                registry, run, f"change-{number}", SECONDS
            )
            answered_ms = [1e3 * (each.answered_s - each.sent_s) for each in written]
            run.note(ANSWERED, percentile(answered_ms, 99))
            run.note(IN_DNS_P50, percentile(in_dns_ms, 50))
            run.note(IN_DNS, percentile(in_dns_ms, 99))
            run.note(AT_NODE_P50, percentile(at_node_ms, 50))
            run.note(AT_NODE, percentile(at_node_ms, 99))


async def one_round(
    registry: Registry, run: Run, prefix: str, seconds: float
) -> tuple[list[Written], list[float], list[float]]:
    """Write and follow; gives the writes and the milliseconds to each follower."""
    node = await followed(registry)
    asker = await asking(registry.server.dns_port)
    waiting: list[asyncio.Task[float]] = []

    def sent(place: int, at_s: float) -> None:
        name = f"{prefix}-{place}.{namespace_of(place)}.svc.{DOMAIN}"
        waiting.append(asyncio.create_task(asker.until_shown(name, at_s)))

    bodies = list(new_services(prefix, round(seconds * A_SECOND), run.size.services))
    written = await write_paced(
        registry.server.api_port,
        (request("POST", "/services", body) for body in bodies),
        a_second=A_SECOND,
        revision_of=WAYPOST_REVISION,
        sent=sent,
    )
    in_dns_ms = list(await asyncio.gather(*waiting))
    await node.until(max(each.revision for each in written))
    at_node_ms = [1e3 * (node.reached(each.revision) - each.sent_s) for each in written]
    await node.stop()
    asker.transport.close()
    return written, in_dns_ms, at_node_ms


def new_services(prefix: str, count: int, services: int) -> Iterator[Wire]:
    """List Services that are not there, over Pods that are."""
    for place in range(count):
        body = service(place % services)
        body["metadata"].update(name=f"{prefix}-{place}", namespace=namespace_of(place))
        yield body


class Asker(asyncio.DatagramProtocol):
    """Asks for names over one socket; the id of a question says which answer is its own."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._id = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        """Keep the socket."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Hand an answer to whoever asked."""
        waiting = self._waiting.pop(int.from_bytes(data[:2]), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(data)

    async def until_shown(self, name: str, since_s: float) -> float:
        """Ask until there is an address; gives the milliseconds since then."""
        wire = question(name)[2:]
        async with asyncio.timeout(SHOWN_S_MAX):
            while True:
                answer = await self._ask(wire)
                if not answer[RCODE_PLACE] & RCODE_MASK:
                    return 1e3 * (monotonic() - since_s)
                await asyncio.sleep(LOOK_EVERY_S)

    async def _ask(self, wire: bytes) -> bytes:
        self._id = self._id % 0xFFFF + 1
        answer = self._waiting[self._id] = asyncio.get_running_loop().create_future()
        self.transport.sendto(self._id.to_bytes(2) + wire)
        return await answer


async def asking(port: int) -> Asker:
    """Open a socket for questions."""
    loop = asyncio.get_running_loop()
    _, asker = await loop.create_datagram_endpoint(Asker, remote_addr=("127.0.0.1", port))
    return asker


class Follower:
    """Follows the rules of one node as an agent does: one question after the other."""

    def __init__(self, connection: Connection, since: int) -> None:
        self._connection, self._since = connection, since
        self._arrivals: list[tuple[int, float]] = []
        self._arrived = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            query = f"since={self._since}&timeoutSeconds={WAIT_S}"
            body = await self._connection.ask(request("GET", f"/nodes/node-0/ipvs/changes?{query}"))
            found = LAST_REVISION.search(body)
            assert found is not None, body[-200:]
            self._since = int(found[1])
            self._arrivals.append((self._since, monotonic()))
            self._arrived.set()

    async def until(self, revision: int) -> None:
        """Wait until it has been told of a revision."""
        async with asyncio.timeout(SHOWN_S_MAX):
            while self._since < revision:
                self._arrived.clear()
                await self._arrived.wait()

    def reached(self, revision: int) -> float:
        """Give when it was told of a revision, or of a later one at once."""
        return next(at_s for known, at_s in self._arrivals if known >= revision)

    async def stop(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._connection.close()


async def followed(registry: Registry) -> Follower:
    """Follow a node from now on."""
    connection = await connect(registry.server.api_port)
    body = await connection.ask(request("GET", "/nodes/node-0/ipvs"))
    found = WAYPOST_REVISION.search(body)
    assert found is not None, body[:200]
    return Follower(connection, int(found[1]))
