"""How many questions a second the cluster DNS answers on one core, with NSD beside it.

    10,000 Services, 100,000 endpoints -> dnsperf -> Waypost | NSD -> answers a second

Both servers hold the same names and take turns in one run, pinned to one core
while dnsperf has another; the median of the rounds is what counts.  NSD is the
yardstick: a ratio outlives the machine it was measured on.

    python bench/dns_rate.py [--rounds 3] [--seconds 10] [--services 10000] [--endpoints 10]
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.dns_state.cluster import DOMAIN, name_of, write_zone

SERVER = Path(__file__).parent / "dns_state" / "server.py"
PORT_WAYPOST, PORT_NSD = 15_300, 15_301
SERVER_CORE, CLIENT_CORE = "0", "1"
GOALS = {"A": 80_000, "SRV": 60_000}  # answers a second
NSD_RATIO_GOAL = 0.6
START_S = 2  # that NSD has to read its zone
PROGRAMS = ("taskset", "dnsperf", "nsd")
NSD_CONFIG = """server:
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


def main() -> None:
    """Run the rounds and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("rounds", 3), ("seconds", 10), ("services", 10_000), ("endpoints", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    if missing := [name for name in PROGRAMS if _program(name) is None]:
        print(f"not measured: {', '.join(missing)} not installed (packages nsd, dnsperf)")
        return
    rates: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        files = write_questions(folder, asked.services)
        with nsd(folder, asked.services), waypost(asked.services, asked.endpoints):
            for _ in range(asked.rounds):
                for type_, questions in files.items():
                    for server, port in (("waypost", PORT_WAYPOST), ("nsd", PORT_NSD)):
                        rate, lost = measure(port, questions, asked.seconds)
                        rates.setdefault((server, type_), []).append(rate)
                        print(f"{server:8} {type_:4} {rate:10,.0f}/s  lost {lost}%", flush=True)
    for type_, goal in GOALS.items():
        own, peer = (statistics.median(rates[server, type_]) for server in ("waypost", "nsd"))
        print(
            f"{type_:4} median {own:,.0f}/s (goal {goal:,}), "
            f"{own / peer:.2f} of NSD's {peer:,.0f}/s (goal {NSD_RATIO_GOAL})"
        )


def write_questions(folder: Path, services: int) -> dict[str, Path]:
    """Write what dnsperf asks: every Service in turn, its address or its port."""
    names = [f"{name_of(number)}.{DOMAIN}" for number in range(services)]
    files = {"A": folder / "a.txt", "SRV": folder / "srv.txt"}
    files["A"].write_text("".join(f"{name} A\n" for name in names))
    files["SRV"].write_text("".join(f"_http._tcp.{name} SRV\n" for name in names))
    return files


@contextmanager
def waypost(services: int, endpoints: int) -> Generator[None]:
    """Run the server under test on its core."""
    numbers = [str(number) for number in (PORT_WAYPOST, services, endpoints)]
    command = _pinned(SERVER_CORE, sys.executable, str(SERVER), *numbers)
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own
    assert server.stdout is not None
    assert server.stdout.readline().strip() == "ready"
    try:
        yield
    finally:
        server.terminate()
        print("waypost:", server.stdout.read().strip())
        server.wait()


@contextmanager
def nsd(folder: Path, services: int) -> Generator[None]:
    """Run NSD on the same core, with one server process and the same names."""
    write_zone(folder / "zone", services)
    settings = folder / "nsd.conf"
    settings.write_text(NSD_CONFIG.format(port=PORT_NSD, folder=folder, domain=DOMAIN))
    command = _pinned(SERVER_CORE, str(_program("nsd")), "-d", "-c", str(settings))
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603  the yardstick
    time.sleep(START_S)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def measure(port: int, questions: Path, seconds: int) -> tuple[float, float]:
    """Ask for ``seconds``; gives answers a second and the share that got none."""
    asked = ["-s", "127.0.0.1", "-p", str(port), "-d", str(questions), "-l", str(seconds)]
    command = _pinned(CLIENT_CORE, str(_program("dnsperf")), *asked, "-c", "8", "-T", "1")
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    rate = re.search(r"Queries per second:\s+([\d.]+)", report)
    lost = re.search(r"Queries lost:\s+\d+ \(([\d.]+)%\)", report)
    assert rate is not None, report
    assert lost is not None, report
    assert re.search(r"Response codes:\s+NOERROR \d+ \(100.00%\)", report), report
    return float(rate[1]), float(lost[1])


def _pinned(core: str, *command: str) -> list[str]:
    return [str(_program("taskset")), "-c", core, *command]


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


if __name__ == "__main__":
    main()
