"""How many questions a second the cluster DNS answers on one core, with NSD beside it.

    a filled registry, `waypost serve` | NSD with the same names -> dnsperf -> answers a second

NSD is the yardstick: a ratio outlives the machine it was measured on.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

from bench.harness.figures import Figure, at_least
from bench.harness.machine import program
from bench.harness.names import Names, Unanswered
from bench.harness.processes import on_server_core
from bench.harness.run import Run
from bench.harness.wire import DOMAIN, name_of
from tests.end_to_end.processes import free_port

PEER = "NSD"
RATIO = at_least(0.6)
GOALS = {"A": 80_000, "SRV": 60_000}
FIGURES = {
    qtype: Figure(f"DNS answers, {qtype}", "/s", at_least(goal), PEER, RATIO)
    for qtype, goal in GOALS.items()
}
FIRST_SERVICE = int(IPv4Address("10.96.1.0"))
START_S_MAX, POLL_S = 30.0, 0.1
LOST_MAX = 1.0  # percent; more are remarked
CONFIG = """server:
  ip-address: 127.0.0.1
  port: {port}
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
  name: {domain}
  zonefile: zone
"""


async def measure(run: Run) -> None:
    """Take turns with NSD; the first round, which compiles the answers, is not counted."""
    if not run.has("dnsperf"):
        return
    files = write_questions(run.folder, run.size.services)
    async with run.registries.filled(run.size) as registry:
        port = registry.server.dns_port
        for qtype in files:
            await rate(run, port, files[qtype], qtype)
        if not run.has("nsd"):
            for _ in run.rounds():
                for qtype, figure in FIGURES.items():
                    run.note(figure, await rate(run, port, files[qtype], qtype))
            return
        async with nsd(run.new_folder("nsd"), run.size.services) as beside:
            for _ in run.rounds():
                for qtype, figure in FIGURES.items():
                    run.note(figure, await rate(run, port, files[qtype], qtype))
                    run.note_peer(figure, await rate(run, beside, files[qtype], qtype))


def write_questions(folder: Path, services: int) -> dict[str, Path]:
    """Write what dnsperf asks: every Service in turn, its address or its port."""
    names = [f"{name_of(number)}.{DOMAIN}" for number in range(services)]
    files = {qtype: folder / f"{qtype}.txt" for qtype in GOALS}
    files["A"].write_text("".join(f"{name} A\n" for name in names))
    files["SRV"].write_text("".join(f"_http._tcp.{name} SRV\n" for name in names))
    return files


async def rate(run: Run, port: int, questions: Path, qtype: str) -> float:
    """Ask for a while; gives answers a second."""
    asked = ["-s", "127.0.0.1", "-p", str(port), "-d", str(questions), "-c", "8", "-T", "1"]
    process = await asyncio.create_subprocess_exec(
        *(str(program("dnsperf")), *asked, "-l", str(max(1, round(run.seconds)))),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report = (await process.communicate())[0].decode()
    found = re.search(r"Queries per second:\s+([\d.]+)", report)
    lost = re.search(r"Queries lost:\s+\d+ \(([\d.]+)%\)", report)
    assert found is not None, report
    assert lost is not None, report
    assert re.search(r"Response codes:\s+NOERROR \d+ \(100.00%\)", report), report
    if float(lost[1]) > LOST_MAX:
        run.remark(f"dns: {lost[1]} % of the {qtype} questions got no answer")
    return float(found[1])


@asynccontextmanager
async def nsd(folder: Path, services: int) -> AsyncGenerator[int]:
    """Run NSD with one server process and the same names; gives its port."""
    write_zone(folder / "zone", services)
    port, settings = free_port(), folder / "nsd.conf"
    settings.write_text(CONFIG.format(port=port, folder=folder, domain=DOMAIN))
    process = await asyncio.create_subprocess_exec(
        *on_server_core(str(program("nsd")), "-d", "-c", str(settings)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _until_answering(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _until_answering(port: int) -> None:
    names = Names(port)
    async with asyncio.timeout(START_S_MAX):
        while True:
            await asyncio.sleep(POLL_S)
            try:
                if names.ask(f"{name_of(0)}.{DOMAIN}"):
                    return names.close()
            except (ConnectionError, TimeoutError, Unanswered):
                continue


def write_zone(path: Path, services: int) -> None:
    """Write the Services' addresses and ports as a zone file."""
    with path.open("w") as zone:
        zone.write(f"$ORIGIN {DOMAIN}.\n$TTL 5\n@ SOA ns.dns hostmaster 1 7200 1800 86400 5\n")
        zone.write("@ NS ns.dns\nns.dns A 127.0.0.1\n")
        for number in range(services):
            name, address = name_of(number), IPv4Address(FIRST_SERVICE + number)
            zone.write(f"{name} A {address}\n_http._tcp.{name} SRV 0 100 80 {name}\n")
