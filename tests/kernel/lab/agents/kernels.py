"""What agents keep in a kernel, asked of the kernel's own tools."""

import json
from collections.abc import Iterable
from typing import Final

from app.domain.dataplane.ipvs.iptables import CHAINS
from app.domain.dataplane.rules.model import DUMMY_INTERFACE
from tests.kernel.lab.agents.story import NODE, Kernel
from tests.kernel.lab.lab import SERVICE_PORT
from tests.kernel.lab.namespaces import CommandFailed, run

THEIR_ADDRESS: Final = "203.0.113.9"
THEIR_CHAIN: Final = "THEIRS"


class IPVSKernel:
    """Virtual servers, sets, filter rules, the dummy interface and routes to nowhere."""

    def ours(self) -> str:
        """List everything that agents put there; empty when there is nothing."""
        return "\n".join(line for line in self._lines() if not _is_theirs(line))

    def spoil(self, address: str) -> None:
        """Remove the virtual server, empty a chain, take a jump and a set's entry away."""
        front = f"{address}:{SERVICE_PORT}"
        _run("ipvsadm", "-D", "-t", front)
        _run("iptables", "-t", "nat", "-F", "KUBE-POSTROUTING")
        _run("iptables", "-D", "INPUT", "-j", "KUBE-IPVS-FILTER")
        _run("ipset", "del", "KUBE-CLUSTER-IP", f"{address},tcp:{SERVICE_PORT}")
        _run("ip", "addr", "del", f"{address}/32", "dev", DUMMY_INTERFACE)

    def add_theirs(self) -> None:
        """Put a virtual server, a set and a chain of somebody else there."""
        _run("ipvsadm", "-A", "-t", f"{THEIR_ADDRESS}:80", "-s", "rr")
        _run("ipset", "create", THEIR_CHAIN, "hash:ip")
        _run("iptables", "-N", THEIR_CHAIN)
        _run("iptables", "-A", "INPUT", "-s", THEIR_ADDRESS, "-j", THEIR_CHAIN)

    def theirs(self) -> str:
        """List what somebody else has put there."""
        return "\n".join(line for line in self._lines() if _is_theirs(line))

    def _lines(self) -> Iterable[str]:
        yield from sorted(_run("ipvsadm", "-S", "-n").splitlines())
        for line in sorted(_run("ipset", "save").splitlines()):
            yield line.partition(" bucketsize")[0].partition(" initval")[0]
        for program in ("iptables-save", "ip6tables-save"):
            for line in _run(program).splitlines():
                if THEIR_CHAIN in line or any(name in line for name in _OUR_CHAINS):
                    yield line.partition(" [")[0]
        for line in _run("ip", "-o", "addr").splitlines():
            if DUMMY_INTERFACE in line:
                yield line.partition(":")[2]
        yield from (line for line in _run("ip", "-o", "link").splitlines() if "dummy" in line)
        for family in ("-4", "-6"):
            yield from sorted(
                _run("ip", family, "route", "show", "type", "unreachable").splitlines()
            )


_OUR_CHAINS: Final = {name for names in CHAINS.values() for name in names}


def _is_theirs(line: str) -> bool:
    return THEIR_ADDRESS in line or THEIR_CHAIN in line


class NftablesKernel:
    """Two tables."""

    def ours(self) -> str:
        """List everything that agents put there; empty when there is nothing."""
        listed: list[str] = []
        for family in ("ip", "ip6"):
            try:
                text = _run("nft", "-j", "list", "table", family, "waypost")
            except CommandFailed:
                continue
            for entry in json.loads(text)["nftables"]:
                for kind, value in entry.items():
                    value.pop("handle", None)
                    if "affinity" in str(value.get("name")):
                        continue
                    if isinstance(value.get("elem"), list):
                        value["elem"] = sorted(json.dumps(each) for each in value["elem"])
                    if kind != "metainfo":
                        listed.append(json.dumps({kind: value}, sort_keys=True))
        return "\n".join(sorted(listed))

    def spoil(self, address: str) -> None:
        """Take an element away, and a chain's rules."""
        key = f"{{ {address} . {SERVICE_PORT} }}"
        _run("nft", "delete", "element", "ip", "waypost", "services-tcp", key)
        _run("nft", "flush", "chain", "ip", "waypost", "masquerading")

    def add_theirs(self) -> None:
        """Put a table of somebody else there."""
        text = "table ip theirs { set kept { type ipv4_addr; elements = { 192.0.2.1 } }; }\n"
        run("nft", "-f", "-", text=text, namespace=NODE)

    def theirs(self) -> str:
        """List what somebody else has put there."""
        return _run("nft", "list", "table", "ip", "theirs")


KERNELS: Final[dict[str, type[Kernel]]] = {"ipvs": IPVSKernel, "nftables": NftablesKernel}


def _run(*command: str) -> str:
    return run(*command, namespace=NODE)
