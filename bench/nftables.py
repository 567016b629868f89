"""How long a kernel takes to load a node's rules through nft, and a single change of them.

    44,000 Services -> text -> nft -f            in a network namespace of its own
    one endpoint more -> text of the change -> nft -f

What is to be shown: loading is linear in elements, because no kernel object belongs to
a single Service, and a change does not depend on how many there are.  Wall-clock time
counts; the processor's time beside it tells how busy the machine was.  Needs root and nft.

    python bench/nftables.py [--services 44000] [--endpoints 1 2 10] [--rounds 3]
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.text import encode, encode_changes, encode_delta
from app.domain.dataplane.rules.model import (
    Destination,
    LocalDetection,
    LocalSource,
    NodeFamily,
    NodeRules,
    PortRules,
    ServiceRules,
)
from app.domain.names import NamespacedName
from app.domain.objects.service import ServicePortName

LOAD_GOAL_S = 2.0  # with one endpoint a Service
CHANGE_GOAL_S = 0.050
FIRST_SERVICE, FIRST_POD = int(IPv4Address("10.96.1.0")), int(IPv4Address("10.128.0.1"))


def service(number: int, endpoints: int) -> ServiceRules:
    """Make one Service of a single port."""
    key = NamespacedName("default", f"service-{number:06}")
    first = FIRST_POD + number * 16
    chosen = tuple(Destination(str(IPv4Address(first + e)), 8080) for e in range(endpoints))
    port = PortRules(
        name=ServicePortName(key, "http", "TCP"),
        family=IPFamily.IPV4,
        port=80,
        cluster_ip=str(IPv4Address(FIRST_SERVICE + number)),
        cluster=chosen,
        has_any=True,
    )
    return ServiceRules(service=key, ports=(port,))


def node_rules(services: int, endpoints: int) -> NodeRules:
    """Make the rules of a node that has no Pods itself."""
    facts = NodeFamily(
        family=IPFamily.IPV4,
        addresses=("192.0.2.10",),
        node_port_addresses=("192.0.2.10",),
        local_source=LocalSource(LocalDetection.CLUSTER_CIDR, "10.128.0.0/9"),
    )
    return NodeRules(
        node="n1",
        families=(facts,),
        services=tuple(service(number, endpoints) for number in range(services)),
    )


def run_nft(*files: Path) -> list[tuple[float, float]]:
    """Load files one after the other into a fresh namespace: wall and processor time of each."""
    child, parent = os.pipe()
    script = Path(__file__).resolve()
    command = ["unshare", "--net", sys.executable, str(script), "--load", *map(str, files)]
    subprocess.run(command, check=True, stdout=parent)  # noqa: S603  this very script
    os.close(parent)
    with os.fdopen(child) as told:
        return [(float(wall), float(cpu)) for wall, cpu in (line.split() for line in told)]


def load(files: list[str]) -> None:
    """Be the child: time each load, and tell."""
    nft = shutil.which("nft") or "/usr/sbin/nft"
    for file in files:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began_s = time.perf_counter()
        subprocess.run([nft, "-f", file], check=True)  # noqa: S603  what is measured
        wall_s = time.perf_counter() - began_s
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(services: int, endpoints: int, rounds: int, folder: Path) -> tuple[float, float]:
    """Print a line for one size; answers the best loading and changing times."""
    current = node_rules(services, endpoints)
    changed = service(services // 2, endpoints + 1)
    middle = services // 2
    desired = replace(
        current, services=(*current.services[:middle], changed, *current.services[middle + 1 :])
    )
    whole, change = folder / "whole", folder / "change"
    began_s = time.perf_counter()
    whole.write_text(encode(current))
    encode_s = time.perf_counter() - began_s
    began_s = time.perf_counter()
    change.write_text(encode_delta(current, desired))
    compared_s = time.perf_counter() - began_s
    began_s = time.perf_counter()
    encode_changes([(current.services[middle], changed)], [IPFamily.IPV4])
    delta_s = time.perf_counter() - began_s
    results = [run_nft(whole, change) for _ in range(rounds)]
    loads, changes = zip(*results, strict=True)
    (load_s, load_cpu_s), (change_s, _) = min(loads), min(changes)
    print(
        f"{services:>8,} {endpoints:>9} {encode_s:>8.2f} {whole.stat().st_size / 1e6:>6.1f} "
        f"{load_s:>8.2f} {load_cpu_s:>8.2f} {change_s * 1e3:>10.1f} "
        f"{delta_s * 1e3:>9.2f} {compared_s * 1e3:>11.2f}"
    )
    return load_s, change_s


def main() -> None:
    """Print a table, and fail when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=44_000)
    parser.add_argument("--endpoints", type=int, nargs="+", default=[1, 2, 10])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        return load(options.load)
    if os.geteuid() != 0 or shutil.which("nft", path="/usr/sbin:" + os.environ["PATH"]) is None:
        sys.exit("needs root and nft")
    print("Services endpoints encode s     MB   load s load cpu  change ms  delta ms  compared ms")
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(options.services, endpoints, options.rounds, Path(folder))
            for endpoints in options.endpoints
        ]
    is_met = rows[0][0] < LOAD_GOAL_S and all(change_s < CHANGE_GOAL_S for _, change_s in rows)
    print("goals met" if is_met else f"NOT under {LOAD_GOAL_S} s and {CHANGE_GOAL_S * 1e3:.0f} ms")
    sys.exit(not is_met)


if __name__ == "__main__":
    main()
