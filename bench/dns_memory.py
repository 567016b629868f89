"""How much memory `waypost dns` takes beside a registry of some size.

    10,000 Services, 100,000 endpoints in the tables -> `waypost serve` -> `waypost dns`
    -> every Service asked for, its address and its port -> what the kernel says of the process

The replica is the real process, started as an operator starts it, which loads
everything over HTTP.  Printed are what it holds in the end and the most it ever held.

    python bench/dns_memory.py [--services 10000] [--endpoints 10]
"""

import argparse
import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.domain.objects.endpoint_slice import (
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.meta import ObjectReference
from app.domain.objects.namespace import Namespace
from app.domain.objects.resource import Object
from app.domain.objects.service import Service, ServicePort
from app.store.engine import make_engine
from app.store.keeping import embedded, migrations
from bench.dns_state.cluster import DOMAIN, NAMESPACES
from bench.registry_state.tables import fill, meta, new_uid
from tests.end_to_end.processes import Serving, replicating, serving, until_ready

GOAL_MB = 165
ANSWER_S_MAX = 5.0
_FIRST_SERVICE, _FIRST_POD = int(IPv4Address("10.97.0.0")), int(IPv4Address("172.16.0.0"))
_READY = EndpointConditions(ready=True, serving=True, terminating=False)
_BY_HAND = "bench"  # whoever is named here, Waypost leaves the slice alone
_A, _SRV = b"\0\1", b"\0\x21"


def main() -> None:
    """Measure, print, and fail above the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--endpoints", type=int, default=10, help="of each Service")
    parser.add_argument("--api", default="", help="a server that holds all of it already")
    parser.add_argument("--hold", action="store_true", help="only load and serve, until stopped")
    asked = parser.parse_args()
    sys.exit(asyncio.run(run(asked)))


async def run(asked: argparse.Namespace) -> int:
    """Load what is to be loaded, and measure the replica of it."""
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        if asked.api:
            return await measure(folder, asked.api, asked.services)
        async with loaded(folder, objects(asked.services, asked.endpoints)) as primary:
            url = f"http://127.0.0.1:{primary.api_port}"
            if asked.hold:
                print(url, flush=True)
                await primary.process.wait()
                return 0
            return await measure(folder, url, asked.services)


@asynccontextmanager
async def loaded(folder: Path, state: Iterable[Object]) -> AsyncGenerator[Serving, None]:
    """Run a server whose database was filled beforehand."""
    database = embedded.start(folder / "postgres")
    engine = make_engine(database.url)
    try:
        await migrations.migrate(engine)
        await fill(engine, state)
        async with serving(folder, database_url=database.url) as primary:
            yield primary
    finally:
        await engine.dispose()
        database.stop()


def objects(services: int, endpoints: int) -> Iterator[Object]:
    """Make the state with all that objects of a real cluster carry."""
    for number in range(NAMESPACES):
        yield Namespace(metadata=meta(f"team-{number}"))
    for number in range(services):
        namespace, name = f"team-{number % NAMESPACES}", f"service-{number}"
        address = str(IPv4Address(_FIRST_SERVICE + number))
        yield Service(
            metadata=meta(name, namespace, app=name),
            type="ClusterIP",
            cluster_ip=address,
            cluster_ips=(address,),
            ip_families=("IPv4",),
            ip_family_policy="SingleStack",
            session_affinity="None",
            internal_traffic_policy="Cluster",
            ports=(ServicePort(port=80, name="http", target_port=8080),),
        )
        labels = {SERVICE_NAME_LABEL: name, MANAGED_BY_LABEL: _BY_HAND}
        first = number * endpoints
        yield EndpointSlice(
            metadata=replace(meta(f"{name}-abcde", namespace), labels=labels),
            address_type="IPv4",
            ports=(EndpointPort(port=8080, name="http"),),
            endpoints=tuple(an_endpoint(name, namespace, first + n) for n in range(endpoints)),
        )


def an_endpoint(service: str, namespace: str, number: int) -> Endpoint:
    """Make an endpoint as one made from a Pod."""
    return Endpoint(
        addresses=(str(IPv4Address(_FIRST_POD + number)),),
        conditions=_READY,
        node_name=f"node-{number % 1_000}",
        zone=f"zone-{number % 3}",
        target_ref=ObjectReference(
            kind="Pod", namespace=namespace, name=f"{service}-{number}", uid=new_uid()
        ),
    )


async def measure(folder: Path, url: str, services: int) -> int:
    """Start a replica, let it load and answer everything, and look at its memory."""
    async with replicating(folder / "replica", url) as replica:
        await until_ready(replica)
        pid = replica.process.pid
        print(f"synced:   {memory(pid)}", flush=True)
        await asyncio.to_thread(ask_all, replica.dns_port, services)
        print(f"answered: {memory(pid)}", flush=True)
        held_mb = kilobytes(pid, "VmRSS") * 1024 / 1e6
        print(f"`waypost dns` holds {held_mb:.0f} MB (goal: under {GOAL_MB})")
    return 0 if held_mb < GOAL_MB else 1


def ask_all(port: int, services: int) -> None:
    """Ask for the address and the port of every Service, so that all answers are compiled."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(ANSWER_S_MAX)
        line.connect(("127.0.0.1", port))
        for number in range(services):
            name = f"service-{number}.team-{number % NAMESPACES}.svc.{DOMAIN}"
            for asked, type_ in ((name, _A), (f"_http._tcp.{name}", _SRV)):
                line.send(query(asked, type_))
                line.recv(4096)


def query(name: str, type_: bytes) -> bytes:
    """Write a question."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0" + type_ + b"\0\1"


def memory(pid: int) -> str:
    """Say what a process holds and has held at most."""
    held, peak = (kilobytes(pid, name) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return f"{held:.1f} MB of memory, {peak:.1f} MB at most"


def kilobytes(pid: int, name: str) -> int:
    """Read a line of what the kernel says of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        label, _, value = line.partition(":")
        if label == name:
            return int(value.split()[0])
    raise LookupError(name)


if __name__ == "__main__":
    main()
