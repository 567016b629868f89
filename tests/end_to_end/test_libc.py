"""What `/resolve` says of a program is what a program does: glibc, musl and c-ares themselves.

the resolv.conf that Waypost serves -> the library -> relay -> the running server
the trace and outcome of /resolve == what the relay saw and the program was told
"""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from app.registry.resolution import LOOPBACK_HOSTS
from tests.dns.upstream.test_forwarder import FakeUpstream
from tests.end_to_end.processes import Serving, serving
from tests.end_to_end.relay import Seen
from tests.end_to_end.sandbox import Place, Sandbox, lacking, sandbox

pytestmark = pytest.mark.end_to_end

HERE = Path(__file__).parent
NAMESERVER = "10.96.0.10"
YAML = {"content-type": "application/yaml"}
Lookup = tuple[str, str]
Folders = pytest.TempPathFactory

MANY_PREFIX = "10.244.9."
MANY = 60  # endpoints of one name: too many addresses for a datagram without EDNS
FAMILIES = ("A", "AAAA")
MUSL_ATTEMPT = 3 * len(FAMILIES)  # questions of an attempt whose answers are all SERVFAIL
MUSL_NEW = (1, 2, 4)  # the first release that asks again over TCP

NAMES = (
    "ent",
    "ENT",
    "ent.default",
    "ent.shop",
    "cart.shop",
    "Cart.Shop.SVC",
    "ent.default.svc",
    "ent.default.svc.cluster.local",
    "ent.default.svc.cluster.local.",
    "ENT.default.svc.Cluster.Local.",
    "cart",
    "kube-dns.kube-system",
    "kube-dns.kube-system.svc.cluster.local.",
    "six",
    "six.default.svc.cluster.local.",
    "both",
    "both.default.svc",
    "db.shop",
    "db-0.db.shop",
    "db-1.db.shop.svc.cluster.local.",
    "db-9.db.shop",
    "idle.shop",
    "nobody",
    "nobody.",
    "nobody.default.svc.cluster.local",
    "nobody.default.svc.cluster.local.",
    "out",
    "nowhere",
    "alias",
    "alias-of-alias",
    "circle",
    "dangling",
    "alias-of-six",
    "svc",
    "shop",
    "default.svc",
    "shop.svc.cluster.local.",
    "no-such-namespace.svc.cluster.local.",
    "cluster.local",
    "cluster.local.",
    "dns-version.cluster.local",
    "10-244-1-5.shop.pod",
    "10-244-1-5.shop.pod.cluster.local.",
    "10-244-1.shop.pod",
    "_http._tcp.ent",
    "_http._tcp.ent.default.svc.cluster.local.",
    "under_score.default",
    "a.b.c.d.e.f",
    "one.two.three.four.five.example.com",
    "www.example.com",
    "www.example.com.",
    "www",
    "six.example.com",
    "both.example.com",
    "empty.example.com",
    "nothing.example.com",
    "alias.example.com",
    "alias-to-nothing.example.com",
    "localhost",
    "10.1.2.3",
    "10.1",
    "fd00::1",
    "-dash.default",
    "a b",
    "*.default",
    "x" * 63,
    "x" * 64,
    ".".join(["x" * 49] * 5),
    "ent..default",
    ".",
)
"""Looked up for both families."""

SOME = tuple((name, "ADDR") for name in NAMES if "example.com" in name or name < "cart.t")
"""Looked up in every place."""

TYPED = tuple(
    (name, type_)
    for name in ("ent", "six", "both", "db.shop", "nobody", "www.example.com", "10.1.2.3", "out")
    for type_ in FAMILIES
)
TRUNCATED = (
    ("many", "ADDR"),
    ("many.default", "AAAA"),
    ("many.default.svc.cluster.local.", "A"),
)
FAILING = (
    ("broken.example.com.", "ADDR"),
    ("broken.example.com.", "A"),
    ("failing.default.svc.cluster.local.", "ADDR"),
    ("failing", "A"),
)
REFUSED = (("www.example.com.", "ADDR"), ("example.org", "A"), ("out", "ADDR"))
"""Without upstreams; musl waits for its timeout each time."""

FOREIGN = {
    ("www.example.com.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("six.example.com.", "AAAA"): ["2001:db8::6"],
    ("both.example.com.", "A"): ["192.0.2.3"],
    ("both.example.com.", "AAAA"): ["2001:db8::3"],
    ("one.two.three.four.five.example.com.", "A"): ["192.0.2.4"],
}
FOREIGN_ALIASES = {
    "alias.example.com.": "www.example.com.",
    "alias-to-nothing.example.com.": "nothing.example.com.",
}
FOREIGN_NAMES = {name for name, _ in FOREIGN} | {"empty.example.com."} | FOREIGN_ALIASES.keys()


@dataclass(frozen=True, slots=True)
class Library:
    """A library: the resolver that `/resolve` calls it, and the program linked with it."""

    profile: str
    program: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Where `/resolve` is told the program runs; ``own`` are the addresses it has there."""

    place: str
    own: tuple[str, ...] = ("10.244.0.2",)

    @property
    def is_pod(self) -> bool:
        return "/" in self.place

    @property
    def parameters(self) -> dict[str, str]:
        return {"pod" if self.is_pod else "namespace": self.place}

    @property
    def path(self) -> str:
        return f"/{'pods' if self.is_pod else 'namespaces'}/{self.place}/resolv.conf"

    @property
    def host_name(self) -> str:
        return self.place.rpartition("/")[2]

    @property
    def hosts(self) -> str:
        lines = (f"{address} {self.host_name}\n" for address in self.own if self.is_pod)
        return LOOPBACK_HOSTS + "".join(lines)


ASKERS = (
    Asker("default"),
    Asker("shop"),
    Asker("shop/plain"),
    Asker("shop/dual", ("10.244.0.9", "fd00::9")),
    Asker("default/own", ("10.244.0.11",)),
    Asker("default/stream", ("10.244.0.12",)),
    Asker("default/four", ("10.244.0.13",)),
)
HASTY = Asker("default/hasty", ("10.244.0.14",))
"""Gives up after a second, where its library lets it."""
EXTREMES = (ASKERS[0], ASKERS[3])
"""One that searches everything, over one family, and one that searches little, over both."""


COMPILED = {
    "glibc": ("cc", "getaddrinfo.c"),
    "musl": ("musl-gcc", "getaddrinfo.c"),
    "c-ares": ("cc", "cares.c", "-lcares"),
}


@pytest.fixture(scope="module", params=COMPILED)
async def library(request: pytest.FixtureRequest, tmp_path_factory: Folders) -> Library:
    compiler, source, *libraries = COMPILED[request.param]
    if reason := await lacking(compiler):
        left_out(reason)
    program = str(tmp_path_factory.mktemp(request.param) / "lookups")
    command = (compiler, "-Wall", "-Werror", "-o", program, str(HERE / source), *libraries)
    printed = await output_of(*command, may_fail=bool(libraries))
    if shutil.which(program) is None:
        left_out(f"{request.param} is not installed to be compiled against: {printed}")
    if request.param == "musl":
        return Library(await musl_profile(program), program)
    return Library(request.param, program)


def left_out(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; in continuous integration these tests must run")
    pytest.skip(reason)


async def musl_profile(program: str) -> str:
    """Ask musl's loader, which tells its version to whoever gives it nothing to load."""
    interpreter = re.search(r"interpreter: (\S+)\]", await output_of("readelf", "-l", program))
    assert interpreter is not None, "the program is linked to run without musl's loader"
    told = await output_of(interpreter[1], may_fail=True)
    version = re.search(r"Version (\d+)\.(\d+)\.(\d+)", told)
    assert version is not None, f"no version in {told!r}"
    return "musl" if tuple(map(int, version.groups())) >= MUSL_NEW else "musl-1.2.3"


async def output_of(*command: str, may_fail: bool = False) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    assert may_fail or process.returncode == 0, printed.decode()
    return printed.decode()


@pytest.fixture(scope="module")
async def answering(tmp_path_factory: Folders) -> AsyncGenerator[Serving, None]:
    """Run a server that asks others for their names."""
    folder = tmp_path_factory.mktemp("answering")
    async with upstream() as port, filled(folder, f"127.0.0.1:{port}") as running:
        yield running


@pytest.fixture(scope="module")
async def refusing(tmp_path_factory: Folders) -> AsyncGenerator[Serving, None]:
    """Run a server that has nobody to ask."""
    async with filled(tmp_path_factory.mktemp("refusing")) as running:
        yield running


@pytest.mark.parametrize("asker", ASKERS, ids=lambda asker: asker.place.replace("/", "-"))
async def test_programs_ask_and_are_told_what_resolve_says(
    library: Library, answering: Serving, asker: Asker, tmp_path: Path
) -> None:
    every = (*((name, "ADDR") for name in NAMES), *TYPED, *TRUNCATED)
    lookups = every if asker in EXTREMES else (*SOME, *TRUNCATED)
    lookups = (*lookups, (asker.host_name, "ADDR"))
    async with placed(asker, answering, tmp_path) as place:
        differing = await differences(answering, asker, place, library, lookups)
    assert not differing, "\n".join(differing)


async def test_programs_are_failed_as_resolve_says(
    library: Library, answering: Serving, tmp_path: Path
) -> None:
    await side_by_side(answering, library, FAILING, tmp_path)


async def test_programs_are_refused_as_resolve_says(
    library: Library, refusing: Serving, tmp_path: Path
) -> None:
    await side_by_side(refusing, library, REFUSED, tmp_path)


async def side_by_side(
    running: Serving, library: Library, lookups: Iterable[Lookup], folder: Path
) -> None:
    """Look each name up in a place of its own: some libraries wait for their timeout every time."""

    async def look_up(number: int, lookup: Lookup) -> list[str]:
        async with placed(HASTY, running, folder / str(number)) as place:
            return await differences(running, HASTY, place, library, [lookup])

    found = await asyncio.gather(*(look_up(*each) for each in enumerate(lookups)))
    differing = [line for lines in found for line in lines]
    assert not differing, "\n".join(differing)


@asynccontextmanager
async def upstream() -> AsyncGenerator[int, None]:
    """Serve the names of others, and give the port."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: FakeUpstream(of_others), local_addr=("127.0.0.1", 0)
    )
    server.transport = transport
    port: int = transport.get_extra_info("sockname")[1]
    yield port
    transport.close()
    await asyncio.sleep(0)


def of_others(query: dns.message.Message) -> list[bytes]:
    reply = dns.message.make_response(query)
    (question,) = query.question
    name, type_ = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
    if name == "broken.example.com.":
        reply.set_rcode(dns.rcode.SERVFAIL)
        return [reply.to_wire()]
    if (target := FOREIGN_ALIASES.get(name)) is not None:
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", target))
        name = target
    if records := FOREIGN.get((name, type_)):
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", type_, *records))
        return [reply.to_wire()]
    if name not in FOREIGN_NAMES:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    soa = "ns.example.com. host.example.com. 1 2 3 4 60"
    reply.authority.append(dns.rrset.from_text("example.com.", 60, "IN", "SOA", soa))
    return [reply.to_wire()]


@asynccontextmanager
async def filled(folder: Path, upstreams: str = "") -> AsyncGenerator[Serving, None]:
    """Run a server that holds what is looked up."""
    async with serving(folder, dns_upstreams=upstreams) as running:
        for content in ((HERE / "libc.yaml").read_bytes(), json.dumps(many_endpoints())):
            applied = await running.client.post("/apply", content=content, headers=YAML)
            assert applied.is_success, applied.text
        yield running


def many_endpoints() -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "many-1", "labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": [f"{MANY_PREFIX}{last}"]} for last in range(1, MANY + 1)],
    }


@asynccontextmanager
async def placed(asker: Asker, running: Serving, folder: Path) -> AsyncGenerator[Sandbox, None]:
    """Make the place of a program, with the file that the server itself wrote for it."""
    written = await running.client.get(asker.path)
    assert written.is_success, written.text
    place = Place(
        resolv_conf=written.text,
        nameserver=NAMESERVER,
        addresses=asker.own,
        hosts=asker.hosts,
        host_name=asker.host_name,
    )
    async with sandbox(folder / asker.place, place, running.dns_port) as made:
        yield made


async def differences(
    running: Serving,
    asker: Asker,
    place: Sandbox,
    library: Library,
    lookups: Iterable[Lookup],
) -> list[str]:
    """Look every name up for real, and say where `/resolve` says otherwise."""
    asked = {"resolver": library.profile, "explain": True, **asker.parameters}
    pairs = tuple(lookups)
    questions = [{"name": name, "type": type_, **asked} for name, type_ in pairs]
    resolved = await running.client.post("/resolve", json={"questions": questions})
    assert resolved.is_success, resolved.text
    found: list[str] = []
    async with place.program(library.program) as program:
        for (name, type_), resolution in zip(pairs, resolved.json()["resolutions"], strict=True):
            status, *addresses = await program.look_up(name, type_)
            real = Told(status, comparable(addresses), await place.relay.taken())
            said = as_told(resolution)
            if type_ == "ADDR" and library.profile.startswith("musl"):
                real, said = without_order_of_retries(real), without_order_of_retries(said)
            if said != real:
                found.append(f"{asked} {name!r} {type_}:\n  real {real}\n  said {said}")
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """A program's view of a lookup, and the server's."""

    status: str
    addresses: list[str]
    queries: list[Seen]


def as_told(resolution: Mapping[str, Any]) -> Told:
    queries = [
        Seen(each["name"], each["type"], each["transport"], each["rcode"], each["answers"])
        for each in resolution["queries"]
    ]
    status = resolution.get("error", "ok")
    return Told(status, comparable(resolution["addresses"]), queries)


def without_order_of_retries(told: Told) -> Told:
    """Forget which of its two questions musl asked again after SERVFAIL.

    The questions of an attempt share its retries, and the answer that arrives first takes one:
    how many there are is musl's rule, in which order is the network's (resolver.md 3.2).
    """
    queries = [
        replace(query, type="A or AAAA")
        if query.rcode == "SERVFAIL" and number % MUSL_ATTEMPT >= len(FAMILIES)
        else query
        for number, query in enumerate(told.queries)
    ]
    return replace(told, queries=queries)


def comparable(addresses: list[str]) -> list[str]:
    """Sort each family by itself, and take of a part no more than its size.

    The server deals out its answers round robin, and cuts them after that.
    """
    if addresses and len(addresses) < MANY and addresses[0].startswith(MANY_PREFIX):
        return [f"{len(addresses)} of {MANY}"]
    families = dict.fromkeys(":" in address for address in addresses)
    return [
        address
        for family in families
        for address in sorted(addresses)
        if (":" in address) is family
    ]
