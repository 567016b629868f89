"""How many questions a second the cluster DNS answers on one core, with NSD beside it.

    10,000 Services, 100,000 endpoints -> dnsperf -> Waypost | NSD -> answers a second

Both servers hold the same names and take turns in one run, pinned to one core
while dnsperf has another; the median of the rounds is what counts.  NSD is the
yardstick: a ratio outlives the machine it was measured on.

    python bench/dns.py [--rounds 3] [--seconds 10] [--services 10000] [--endpoints 10]
"""

import argparse
import asyncio
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

PORT_WAYPOST, PORT_NSD = 15_300, 15_301
SERVER_CORE, CLIENT_CORE = 0, 1
DOMAIN = "cluster.local"
NAMESPACES = 100
GOALS = {"A": 80_000, "SRV": 60_000}
NSD_RATIO_GOAL = 0.6


def snapshot(services: int, endpoints: int) -> "Snapshot":  # noqa: F821
    """Build the state: every Service has a named port and ready endpoints."""
    from ipaddress import IPv4Address

    from app.domain.names import Revision
    from app.domain.objects.endpoint_slice import (
        SERVICE_NAME_LABEL,
        Endpoint,
        EndpointConditions,
        EndpointPort,
        EndpointSlice,
    )
    from app.domain.objects.meta import ObjectMeta
    from app.domain.objects.namespace import Namespace
    from app.domain.objects.service import Service, ServicePort
    from app.domain.snapshot import load

    first_service, first_pod = int(IPv4Address("10.96.1.0")), int(IPv4Address("10.128.0.1"))
    ready = EndpointConditions(ready=True, serving=True, terminating=False)

    def objects() -> Iterator[object]:
        for number in range(NAMESPACES):
            yield Namespace(metadata=ObjectMeta(name=f"team-{number}"))
        for number in range(services):
            namespace, name = f"team-{number % NAMESPACES}", f"service-{number}"
            address = str(IPv4Address(first_service + number))
            yield Service(
                metadata=ObjectMeta(namespace=namespace, name=name),
                type="ClusterIP",
                cluster_ip=address,
                cluster_ips=(address,),
                ip_families=("IPv4",),
                ports=(ServicePort(port=80, name="http", target_port=8080),),
            )
            yield EndpointSlice(
                metadata=ObjectMeta(
                    namespace=namespace, name=f"{name}-a", labels={SERVICE_NAME_LABEL: name}
                ),
                address_type="IPv4",
                ports=(EndpointPort(port=8080, name="http"),),
                endpoints=tuple(
                    Endpoint(
                        addresses=(str(IPv4Address(first_pod + number * endpoints + place)),),
                        conditions=ready,
                    )
                    for place in range(endpoints)
                ),
            )

    return load(objects(), revision=Revision(1))  # type: ignore[arg-type]


async def serve(services: int, endpoints: int) -> None:
    """Be the server under test, in a process of its own."""
    import gc

    from app.dns.protocol import ProtocolConfig
    from app.dns.server import DNSServer
    from app.domain.addresses import parse_prefix
    from app.domain.discovery.zone_config import cluster_config
    from app.domain.names import Revision
    from app.registry.view import View

    view = View()
    view.reset(snapshot(services, endpoints), history=(), compacted=Revision(1))
    prefix = parse_prefix("10.96.0.0/12")
    assert prefix is not None
    server = DNSServer(view, ProtocolConfig(zone=cluster_config(DOMAIN, [prefix])))
    await server.start("127.0.0.1", PORT_WAYPOST)
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"waypost: {resident_mb()} MB resident, {peak} MB at most", flush=True)
    await server.close()


def resident_mb() -> int:
    """Read how much memory this process occupies."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1_000_000


def write_questions(folder: Path, services: int) -> dict[str, Path]:
    """Write what dnsperf asks: every Service in turn, its address or its port."""
    names = [f"service-{n}.team-{n % NAMESPACES}.svc.{DOMAIN}" for n in range(services)]
    files = {"A": folder / "a.txt", "SRV": folder / "srv.txt"}
    files["A"].write_text("".join(f"{name} A\n" for name in names))
    files["SRV"].write_text("".join(f"_http._tcp.{name} SRV\n" for name in names))
    return files


def write_zone(path: Path, services: int) -> None:
    """Write the same names as a zone file."""
    from ipaddress import IPv4Address

    first = int(IPv4Address("10.96.1.0"))
    with path.open("w") as zone:
        zone.write(f"$ORIGIN {DOMAIN}.\n$TTL 5\n@ SOA ns.dns hostmaster 1 7200 1800 86400 5\n")
        zone.write("@ NS ns.dns\nns.dns A 127.0.0.1\n")
        for n in range(services):
            name = f"service-{n}.team-{n % NAMESPACES}.svc"
            zone.write(f"{name} A {IPv4Address(first + n)}\n_http._tcp.{name} SRV 0 100 80 {name}\n")


@contextmanager
def waypost(arguments: argparse.Namespace) -> Iterator[None]:
    """Run the server under test on its core."""
    command = [sys.executable, __file__, "--serve"]
    command += ["--services", str(arguments.services), "--endpoints", str(arguments.endpoints)]
    server = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), *command], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline().strip() == "ready"
    try:
        yield
    finally:
        server.terminate()
        print(server.stdout.read().strip())
        server.wait()


@contextmanager
def nsd(folder: Path, services: int) -> Iterator[None]:
    """Run NSD on the same core, with one server process and the same names."""
    write_zone(folder / "zone", services)
    (folder / "nsd.conf").write_text(
        f"""server:
  ip-address: 127.0.0.1
  port: {PORT_NSD}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  logfile: "{folder}/nsd.log"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {DOMAIN}
  zonefile: zone
"""
    )
    path = os.environ["PATH"] + ":/usr/sbin"
    binary = shutil.which("nsd", path=path)
    assert binary, "nsd is not installed: apt-get install nsd"
    server = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), binary, "-d", "-c", str(folder / "nsd.conf")],
        stderr=subprocess.DEVNULL,
    )
    time.sleep(2)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def measure(port: int, questions: Path, seconds: int) -> tuple[float, float]:
    """Ask for ``seconds``; gives answers a second and the share that got none."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(questions)]
    command += ["-c", "8", "-T", "1", "-l", str(seconds)]
    report = subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), *command], capture_output=True, text=True, check=True
    ).stdout
    rate = re.search(r"Queries per second:\s+([\d.]+)", report)
    lost = re.search(r"Queries lost:\s+\d+ \(([\d.]+)%\)", report)
    assert rate and lost, report
    assert re.search(r"Response codes:\s+NOERROR \d+ \(100.00%\)", report), report
    return float(rate[1]), float(lost[1])


def main() -> None:
    """Run the rounds and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--endpoints", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.services, arguments.endpoints))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_questions(folder, arguments.services)
        rates: dict[tuple[str, str], list[float]] = {}
        with nsd(folder, arguments.services), waypost(arguments):
            for _ in range(arguments.rounds):
                for type_, questions in files.items():
                    for server, port in (("waypost", PORT_WAYPOST), ("nsd", PORT_NSD)):
                        rate, lost = measure(port, questions, arguments.seconds)
                        rates.setdefault((server, type_), []).append(rate)
                        print(f"{server:8} {type_:4} {rate:10,.0f}/s  lost {lost}%", flush=True)
    for type_, goal in GOALS.items():
        own = statistics.median(rates["waypost", type_])
        peer = statistics.median(rates["nsd", type_])
        print(
            f"{type_:4} median {own:,.0f}/s (goal {goal:,}), "
            f"{own / peer:.2f} of NSD's {peer:,.0f}/s (goal {NSD_RATIO_GOAL})"
        )


if __name__ == "__main__":
    main()
