"""What `dig` is told by a running server, over both transports and with its options."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.end_to_end.processes import Serving, serving

pytestmark = pytest.mark.end_to_end

MAY_TRANSFER, MAY_NOT = "127.0.0.1", "127.0.0.2"
JSON = {"content-type": "application/json"}
ZONE = "cluster.local."
ENT, MANY = f"ent.default.svc.{ZONE}", f"many.default.svc.{ZONE}"
ADDRESS = "10.96.17.4"
CLUSTER_DNS = "10.96.0.10"  # stands for a server that listens at a loopback address
ENDPOINTS = 60  # addresses that need more than the 512 octets of a plain datagram
MANIFESTS = (
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ent"},
        "spec": {"clusterIP": ADDRESS, "ports": [{"name": "http", "port": 80}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "many"},
        "spec": {"clusterIP": "None", "ports": [{"port": 80}]},
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "many-1", "labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": [f"10.244.9.{last}"]} for last in range(1, ENDPOINTS + 1)],
    },
)


@dataclass(frozen=True, slots=True)
class Printed:
    """What dig printed, and what can be read from it."""

    text: str

    @property
    def status(self) -> str:
        """The response code of the last reply."""
        return re.findall(r"status: (\w+)", self.text)[-1]

    @property
    def flags(self) -> set[str]:
        """The header's flags of the last reply."""
        return set(re.findall(r";; flags: ([a-z ]*);", self.text)[-1].split())

    @property
    def rows(self) -> list[list[str]]:
        """The records: name, TTL, class, type and what follows."""
        lines = (line for line in self.text.splitlines() if line and not line.startswith(";"))
        return [line.split(None, 4) for line in lines]

    @property
    def values(self) -> list[str]:
        """What follows the types."""
        return [row[4] for row in self.rows]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Serving, None]:
    if shutil.which("dig") is None:
        if os.environ.get("CI"):
            pytest.fail("dig not found; in continuous integration these tests must run")
        pytest.skip("dig not found")
    folder = tmp_path_factory.mktemp("dig")
    async with serving(folder, dns_transfer_to=f"{MAY_TRANSFER}/32") as running:
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": MANIFESTS})
        applied = await running.client.post("/apply", content=content, headers=JSON)
        assert applied.is_success, applied.text
        yield running


async def dig(running: Serving, *words: str) -> Printed:
    process = await asyncio.create_subprocess_exec(
        *("dig", "-r", "@127.0.0.1", "-p", str(running.dns_port), "+time=5", "+tries=2", *words),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return Printed(printed.decode())


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("edns", ["+noedns", "+edns=0", "+cookie", "+dnssec"])
async def test_an_address_is_told_over_both_transports(
    running: Serving, transport: str, edns: str
) -> None:
    printed = await dig(running, ENT, "A", transport, edns)
    assert printed.status == "NOERROR"
    assert {"qr", "aa"} <= printed.flags
    assert "tc" not in printed.flags
    assert printed.values == [ADDRESS]


@pytest.mark.parametrize(
    ("words", "status", "values"),
    [
        ((f"_http._tcp.{ENT}", "SRV"), "NOERROR", [f"0 100 80 {ENT}", ADDRESS]),
        (("-x", ADDRESS), "NOERROR", [ENT]),
        ((f"dns-version.{ZONE}", "TXT"), "NOERROR", ['"1.1.0"']),
        ((ZONE, "NS"), "NOERROR", [f"ns.dns.{ZONE}", CLUSTER_DNS]),
        ((f"ns.dns.{ZONE}", "A"), "NOERROR", [CLUSTER_DNS]),
        ((ENT, "AAAA", "+noauthority"), "NOERROR", []),
        ((f"nobody.default.svc.{ZONE}", "A", "+noauthority"), "NXDOMAIN", []),
        (("www.example.com.", "A"), "REFUSED", []),
        ((ENT, "A", "+edns=1", "+noednsneg"), "BADVERS", []),
        ((ENT, "A", "+opcode=status"), "NOTIMP", []),
    ],
)
async def test_every_outcome_has_its_status(
    running: Serving, words: tuple[str, ...], status: str, values: list[str]
) -> None:
    printed = await dig(running, *words)
    assert (printed.status, printed.values) == (status, values)


@pytest.mark.parametrize(
    ("option", "is_cut"),
    [("+noedns", True), ("+bufsize=512", True), ("+bufsize=1232", False), ("+bufsize=4096", False)],
)
async def test_a_datagram_is_as_long_as_its_reader_takes(
    running: Serving, option: str, *, is_cut: bool
) -> None:
    printed = await dig(running, MANY, "A", option, "+ignore")
    assert ("tc" in printed.flags) is is_cut
    assert (len(printed.values) < ENDPOINTS) is is_cut

    whole = await dig(running, MANY, "A", option)
    assert ("retrying in TCP mode" in whole.text) is is_cut
    assert len(set(whole.values)) == ENDPOINTS


async def test_the_subnet_of_a_client_changes_nothing_and_is_not_claimed_to(
    running: Serving,
) -> None:
    """RFC 7871 section 7.2.1: who does not use the option leaves it out of the reply."""
    printed = await dig(running, ENT, "A", "+subnet=192.0.2.0/24")
    assert printed.status == "NOERROR"
    assert "CLIENT-SUBNET" not in printed.text
    assert printed.values == [ADDRESS]


async def test_the_zone_is_copied_by_those_who_may(running: Serving) -> None:
    printed = await dig(running, ZONE, "AXFR", "-b", MAY_TRANSFER)
    first, *between, last = printed.rows
    assert first == last
    assert first[3] == "SOA"
    assert [ENT, "A", ADDRESS] in ([row[0], row[3], row[4]] for row in between)
    assert sum(row[0] == MANY and row[3] == "A" for row in between) == ENDPOINTS

    refused = await dig(running, ZONE, "AXFR", "-b", MAY_NOT)
    assert "Transfer failed" in refused.text
    assert refused.rows == []


async def test_what_changed_since_a_serial_is_told_alone(running: Serving) -> None:
    serial = (await dig(running, ZONE, "SOA")).values[0].split()[2]
    manifest: dict[str, Any] = {"metadata": {"name": "late"}, "spec": {"ports": [{"port": 80}]}}
    created = await running.client.post("/services", json=manifest)
    address = created.json()["spec"]["clusterIP"]

    printed = await dig(running, ZONE, f"IXFR={serial}", "-b", MAY_TRANSFER)

    told = [(row[0], row[4]) for row in printed.rows if row[3] == "A"]
    assert told == [(f"late.default.svc.{ZONE}", address)]
