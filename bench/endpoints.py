"""What flipping the readiness of one Pod costs, from the request to the committed slices.

    state in the tables -> a running registry -> PATCH /pods/…/status, one after the other

The real writer on a real PostgreSQL, the whole way through the application but
the socket.  Printed are the times of single requests: by the clock, which
other work on the machine stretches, that of the quickest twentieth, and the CPU
of this process.  The laws to be shown: one flip rewrites one slice, and costs no
more the more Services, Pods and Nodes there are.

    python bench/endpoints.py [--services 10000] [--pods 100000] [--nodes 1000] [--flips 300]
"""

import argparse
import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop
from fastapi import FastAPI

from app.api import application
from app.api.dependencies import Registry
from app.config import Settings
from app.domain.changes import Change
from app.domain.names import ZONE_LABEL, NamespacedName, Revision
from app.domain.objects.meta import Condition
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node
from app.domain.objects.pod import READY, Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import Service, ServicePort, ServiceType
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.planning import desired, plan
from app.main import VERSION, running
from app.store.engine import make_engine
from app.store.keeping import embedded, migrations
from bench.registry_state.in_process import ask
from bench.registry_state.tables import BORN, fill, meta, new_uid

NAMESPACES = 100
ZONES = 3
BIG, BIG_SERVICE_PODS = "big", 5_000
WARM_UP = 20  # requests that are not counted
GOAL_MS = 5.0  # of the clock, in the median, on a machine that does nothing else
RATIO_GOAL = 1.5  # CPU of a flip at full size over that at a tenth of it
MERGE = "application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    services: int
    pods: int
    nodes: int

    def __str__(self) -> str:
        return f"{self.services:,} Services, {self.pods:,} Pods, {self.nodes:,} nodes"


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one request, and how many slices it rewrote."""

    clock_ms: float
    cpu_ms: float
    slices: int


def objects_of(size: Size) -> Iterator[Object]:
    """Make the state: every Service with its share of the Pods, one with many, and all slices."""
    for number in range(NAMESPACES):
        yield Namespace(metadata=meta(f"ns-{number}"))
    nodes: dict[NamespacedName, Node] = {}
    for number in range(size.nodes):
        node = Node(metadata=meta(f"node-{number}", **{ZONE_LABEL: f"zone-{number % ZONES}"}))
        nodes[node.metadata.key] = node
        yield node
    share = size.pods // size.services
    for number in range(size.services):
        name, namespace = f"svc-{number}", f"ns-{number % NAMESPACES}"
        first = number * share
        yield from backed(name, namespace, range(first, first + share), nodes)
    yield from backed(BIG, "ns-0", range(size.pods, size.pods + BIG_SERVICE_PODS), nodes)


def backed(
    name: str, namespace: str, pods: range, nodes: Mapping[NamespacedName, Node]
) -> Iterator[Object]:
    """Make one Service, its Pods and its slices; ``pods`` number them over all Services."""
    address = f"10.{96 + pods.start // 65_536}.{pods.start // 256 % 256}.{pods.start % 256}"
    service = Service(
        metadata=meta(name, namespace),
        type=ServiceType.CLUSTER_IP,
        selector={"app": name},
        ports=(ServicePort(port=80, name="http", target_port=8080),),
        cluster_ip=address,
        cluster_ips=(address,),
        ip_families=("IPv4",),
        ip_family_policy="SingleStack",
        session_affinity="None",
        internal_traffic_policy="Cluster",
    )
    members = [a_pod(number, name, namespace, len(nodes)) for number in pods]
    yield service
    yield from members
    names = SliceNames(seed=pods.start, taken={})
    for slice_ in plan((), desired(service, members, nodes=nodes), names=names).create:
        born = replace(
            slice_.metadata, uid=new_uid(), revision=Revision(1), created_at=BORN, generation=1
        )
        yield replace(slice_, metadata=born)


def a_pod(number: int, app: str, namespace: str, nodes: int) -> Pod:
    """Make a ready Pod whose name ends in its number."""
    return Pod(
        metadata=meta(f"{app}-{number}", namespace, app=app),
        node_name=f"node-{number % nodes}",
        phase="Running",
        pod_ips=(f"172.{16 + number // 65_536}.{number // 256 % 256}.{number % 256}",),
        conditions=(Condition(type=READY, status="True", last_transition_at=BORN),),
    )


@dataclass(slots=True)
class Flipper:
    """Sends requests to an application as its server would, and weighs what each costs."""

    app: FastAPI
    registry: Registry
    slices: int = 0

    def count(self, changes: tuple[Change, ...]) -> None:
        """Note how many slices a commit wrote."""
        self.slices = sum(change.kind == "EndpointSlice" for change in changes)

    async def flip(self, pod: NamespacedName) -> Cost:
        """Turn the readiness of a Pod over, by a patch of its status."""
        is_ready = self.registry.view.snapshot.pods[pod].is_ready
        condition = {"type": READY, "status": str(not is_ready), "reason": "Bench"}
        body = json.dumps({"status": {"conditions": [condition]}}).encode()
        clock, cpu = perf_counter(), process_time()
        status = await ask(
            self.app, "PATCH", f"/pods/{pod.namespace}/{pod.name}/status", body, MERGE
        )
        cost = Cost((perf_counter() - clock) * 1e3, (process_time() - cpu) * 1e3, self.slices)
        assert status == HTTPStatus.OK, status
        assert self.registry.view.snapshot.pods[pod].is_ready is not is_ready
        return cost


async def measured(folder: Path, size: Size, flips: int) -> tuple[list[Cost], list[Cost]]:
    """Fill a database, serve it, and flip Pods of small Services, then of the big one."""
    server = embedded.start(folder)
    engine = make_engine(server.url)
    try:
        await migrations.migrate(engine)
        await fill(engine, objects_of(size))
        settings = Settings.model_validate({"database_url": server.url, "bootstrap": False})
        async with running(settings, server.url) as registry:
            app = application.build(version=VERSION)
            app.state.registry = registry
            flipper = Flipper(app, registry)
            registry.view.subscribe(lambda advance: flipper.count(advance.changes))
            gc.freeze()  # as a server does
            share = size.pods // size.services
            strides = [(n * 7_919) % size.services for n in range(flips + WARM_UP)]
            small = [
                NamespacedName(f"ns-{n % NAMESPACES}", f"svc-{n}-{n * share}") for n in strides
            ]
            big = [
                NamespacedName("ns-0", f"{BIG}-{size.pods + (n * 37) % BIG_SERVICE_PODS}")
                for n in range(flips // 3)
            ]
            costs = [await flipper.flip(pod) for pod in small]
            return costs[WARM_UP:], [await flipper.flip(pod) for pod in big]
    finally:
        await engine.dispose()
        server.stop()


def row(called: str, costs: list[Cost]) -> str:
    """Write a line of the table."""
    clocks = sorted(cost.clock_ms for cost in costs)
    best, slices = clocks[len(clocks) // 20], max(cost.slices for cost in costs)
    cpu = median(cost.cpu_ms for cost in costs)
    return f"{called:<52} {median(clocks):>8.2f} {best:>8.2f} {cpu:>8.2f} {slices:>8}"


def main() -> None:
    """Print a table, and fail when a flip costs more the more there is, or rewrites too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--pods", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=1_000)
    parser.add_argument("--flips", type=int, default=300)
    options = parser.parse_args()
    full = Size(options.services, options.pods, options.nodes)
    tenth = Size(full.services // 10, full.pods // 10, full.nodes // 10)
    print(f"{'one flip, milliseconds':<52} {'median':>8} {'best':>8} {'CPU':>8} {'slices':>8}")
    cpu_ms: list[float] = []
    is_one_slice = True
    for size in (tenth, full):
        with (
            tempfile.TemporaryDirectory() as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            small, big = runner.run(measured(Path(folder) / "pg", size, options.flips))
        print(row(str(size), small), flush=True)
        print(row(f"  a Service of {BIG_SERVICE_PODS:,} Pods among them", big), flush=True)
        cpu_ms.append(median(cost.cpu_ms for cost in small))
        is_one_slice &= {cost.slices for cost in (*small, *big)} == {1}
    ratio = cpu_ms[1] / cpu_ms[0]
    is_well = is_one_slice and ratio < RATIO_GOAL
    print(f"CPU at full size over that at a tenth of it: {ratio:.2f}")
    print("level, one slice each" if is_well else "NOT well: it grows, or rewrites several slices")
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
