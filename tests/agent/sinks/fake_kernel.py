"""A fake kernel behind the programs that a sink runs: takes their input, prints their output.

Only the syntax that the sinks use is understood; anything else fails, as a typo would.
"""

import json
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from app.agent.sinks.programs import ProgramFailed
from app.domain.dataplane.ipvs.iptables import JUMPS
from tests.nft_model import RefusedText, Tables, loaded

_JUMP = re.compile(r"(ip6?tables) -w -t (\w+) -I (\w+) 1 -j (\S+)$")


OWN_ADDRESSES = ("192.0.2.10", "192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1", "127.0.0.1")


class Bad(Exception):
    """A line that the kernel refuses."""


@dataclass
class Filter:
    """The rules of one family, table by table."""

    chains: dict[tuple[str, str], list[str]] = field(
        default_factory=lambda: {
            (table, name): []
            for table, names in (
                ("nat", ("PREROUTING", "OUTPUT", "POSTROUTING")),
                ("filter", ("INPUT", "FORWARD", "OUTPUT")),
            )
            for name in names
        }
    )

    def save(self) -> str:
        lines: list[str] = []
        for table in ("filter", "nat"):
            held = {name: rules for (t, name), rules in self.chains.items() if t == table}
            lines += [f"*{table}", *(f":{name} - [7:420]" for name in held)]
            lines += [f"-A {name} {rule}" for name, rules in held.items() for rule in rules]
            lines.append("COMMIT")
        return "".join(f"{line}\n" for line in lines)

    def restore(self, text: str) -> None:
        table = ""
        for line in text.splitlines():
            match line.split(" ", 2):
                case [word] if word.startswith("*"):
                    table = word[1:]
                case [chain, *_] if chain.startswith(":"):
                    self.chains[table, chain[1:]] = []
                case ["-A", chain, rule]:
                    self.chains[table, chain].append(rule.replace("0x00004000", "0x4000"))
                case ["COMMIT"]:
                    pass
                case _:
                    raise Bad(line)

    def script(self, lines: list[str]) -> None:
        if any(" -D " in line for line in lines):
            for jump in JUMPS:
                rules = self.chains[jump.table, jump.origin]
                rules[:] = [rule for rule in rules if rule != f"-j {jump.target}"]
            self.chains = {p: r for p, r in self.chains.items() if not p[1].startswith("KUBE-")}
            return
        for line in lines:
            found = _JUMP.search(line)
            assert found is not None, line
            rules = self.chains[found[2], found[3]]
            if f"-j {found[4]}" not in rules:
                rules.insert(0, f"-j {found[4]}")


@dataclass
class FakeKernel:
    """All kernel state that IPVS mode uses."""

    servers: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    settings: dict[str, str] = field(default_factory=dict[str, str])
    sets: dict[str, tuple[str, set[str]]] = field(default_factory=dict[str, tuple[str, set[str]]])
    addresses: set[str] | None = None
    filters: dict[str, Filter] = field(
        default_factory=lambda: {"iptables": Filter(), "ip6tables": Filter()}
    )
    busy: set[str] = field(default_factory=set[str])
    """Real servers with connections, as ``ipvsadm`` spells them."""
    ran: list[str] = field(default_factory=list[str])
    missing: set[str] = field(default_factory=set[str])
    """Programs that are not installed."""

    async def run(self, command: str, *, text: str = "") -> str:
        self.ran.append(command)
        program = command.split(maxsplit=1)[0]
        if program in self.missing:
            raise ProgramFailed(f"{program} cannot be run: No such file")
        try:
            return self._run(command, text)
        except (Bad, LookupError, ValueError) as error:
            raise ProgramFailed(f"{command}: {error}") from error

    def _run(self, command: str, text: str) -> str:  # noqa: C901, PLR0912  a table of programs
        match command.split():
            case ["ipvsadm", "--save", "-n"]:
                return self._save_servers()
            case ["ipvsadm", "--restore"]:
                self._each(text, self._server)
            case ["ipvsadm", "-L", "-n"]:
                return self._list_servers()
            case ["ipset", "save"]:
                return self._save_sets()
            case ["ipset", "restore"]:
                self._each(text, self._set)
            case ["ip", "-j", "addr", *_]:
                return self._links()
            case ["ip", "-batch", "-"]:
                self._each(text, self._link)
            case ["sysctl", "-p", "-"]:
                for name, _, value in (line.partition(" = ") for line in text.splitlines()):
                    self.settings[name] = value
            case [("iptables-save" | "ip6tables-save") as program]:
                return self.filters[program.removesuffix("-save")].save()
            case [("iptables-restore" | "ip6tables-restore") as program, *_]:
                self.filters[program.removesuffix("-restore")].restore(text)
            case ["sh"]:
                for name, held in self.filters.items():
                    held.script([line for line in text.splitlines() if line.startswith(f"{name} ")])
            case _:
                raise Bad(command)
        return ""

    @staticmethod
    def _each(text: str, take: Any) -> None:  # noqa: ANN401  a bound method
        for line in text.splitlines():
            take(line)

    def _server(self, line: str) -> None:
        verb, option, front, *rest = line.split()
        key, options = f"{option} {front}", " ".join(rest)
        match verb:
            case "-A" if key not in self.servers:
                self.servers[key] = {"": options}
            case "-E":
                self.servers[key][""] = options
            case "-D":
                del self.servers[key]
            case "-a" if rest[1] not in self.servers[key]:
                self.servers[key][rest[1]] = rest[-1]
            case "-e" if rest[1] in self.servers[key]:
                self.servers[key][rest[1]] = rest[-1]
            case "-d":
                del self.servers[key][rest[1]]
            case _:
                raise Bad(line)

    def _save_servers(self) -> str:
        lines: list[str] = []
        for key, reals in self.servers.items():
            lines.append(f"-A {key} {reals['']}")
            lines += [f"-a {key} -r {real} -m -w {w}" for real, w in reals.items() if real]
        return "".join(f"{line}\n" for line in lines)

    def _list_servers(self) -> str:
        words = {"-t": "TCP", "-u": "UDP", "--sctp-service": "SCTP"}
        lines = ["IP Virtual Server version 1.2.1 (size=4096)", "Prot LocalAddress:Port Scheduler"]
        for key, reals in self.servers.items():
            option, front = key.split()
            lines.append(f"{words[option]}  {front} rr")
            lines += [
                f"  -> {real} Masq {weight} {int(real in self.busy)} 0"
                for real, weight in reals.items()
                if real
            ]
        return "".join(f"{line}\n" for line in lines)

    def _set(self, line: str) -> None:
        verb, name, *rest = line.split()
        match verb:
            case "create":
                declared = " ".join(word for word in rest if word != "-exist")
                self.sets.setdefault(name, (declared, set()))
            case "add":
                self.sets[name][1].add(rest[0])
            case "del":
                self.sets[name][1].discard(rest[0])
            case "flush":
                self.sets[name][1].clear()
            case "swap":
                self.sets[name], self.sets[rest[0]] = self.sets[rest[0]], self.sets[name]
            case "destroy":
                if any(f" {name} " in rule for f in self.filters.values() for rule in _rules(f)):
                    raise Bad(f"{name} is in use by a kernel component")
                del self.sets[name]
            case _:
                raise Bad(line)

    def _save_sets(self) -> str:
        lines: list[str] = []
        for name, (declared, entries) in self.sets.items():
            lines.append(f"create {name} {declared} bucketsize 12 initval 0x2a")
            lines += [f"add {name} {entry}" for entry in sorted(entries)]
        return "".join(f"{line}\n" for line in lines)

    def _link(self, line: str) -> None:
        words = line.split()
        match words[:2]:
            case ["link", "add"] if self.addresses is None:
                self.addresses = set()
            case ["link", "del"] if self.addresses is not None:
                self.addresses = None
            case ["addr", "replace"] if self.addresses is not None:
                self.addresses.add(words[2].partition("/")[0])
            case ["addr", "del"] if self.addresses is not None:
                self.addresses.remove(words[2].partition("/")[0])
            case _:
                raise Bad(line)

    def _links(self) -> str:
        links = [("eth0", set(OWN_ADDRESSES))]
        links += [] if self.addresses is None else [("kube-ipvs0", self.addresses)]
        return json.dumps(
            [
                {"ifname": name, "addr_info": [{"local": a, "scope": "global"} for a in held]}
                for name, held in links
            ]
        )


def _rules(held: Filter) -> list[str]:
    return [rule for rules in held.chains.values() for rule in rules]


@dataclass
class FakeNft:
    """The tables behind ``nft``; it refuses what a kernel refuses."""

    tables: Tables = field(default_factory=dict)  # type: ignore[arg-type]
    texts: list[str] = field(default_factory=list[str])

    async def run(self, command: str, *, text: str = "") -> str:
        match command.split():
            case ["nft", "-f", "-"]:
                self.texts.append(text)
                try:
                    self.tables = loaded(text, self.tables)
                except (RefusedText, LookupError) as error:
                    raise ProgramFailed(f"{command}: {error!r}") from error
                return ""
            case ["nft", "-j", "list", "tables"]:
                listed = [{"table": {"family": f, "name": "waypost"}} for f in self.tables]
                theirs = {"table": {"family": "ip", "name": "theirs"}}
                return json.dumps({"nftables": [{"metainfo": {}}, theirs, *listed]})
            case ["nft", "-j", *terse, "list", "table", family, "waypost"]:
                return json.dumps({"nftables": self._listed(family, with_elements=not terse)})
            case ["ip", "-j", "addr", *_]:
                return "[]"
            case _:
                raise ProgramFailed(command)

    def _listed(self, family: str, *, with_elements: bool) -> list[dict[str, Any]]:
        table = self.tables[family]
        listed: list[dict[str, Any]] = []
        for name, elements in table.sets.items():
            found: dict[str, Any] = {"name": name}
            if with_elements and elements:
                found["elem"] = [_element(key, value) for key, value in elements.items()]
            listed.append({"map" if " : " in table.declarations[name] else "set": found})
        for name, rules in table.chains.items():
            listed.append({"chain": {"name": name}})
            listed += [{"rule": {"chain": name, "expr": ["as", rule]}} for rule in rules]
        return listed


def _element(key: str, value: str) -> object:
    spelt = _spelt(key)
    return [spelt, _spelt(value)] if value else spelt


def _spelt(text: str) -> object:
    if text.startswith("goto "):
        return {"goto": {"target": text.removeprefix("goto ")}}
    if text == "drop":
        return {"drop": None}
    parts = [_part(part) for part in text.split(" . ")]
    return {"concat": parts} if len(parts) > 1 else parts[0]


def _part(text: str) -> object:
    if text.isdecimal():
        return int(text)
    address, slash, length = text.partition("/")
    if not slash:
        return text
    # A prefix of a single address is listed as that address.
    if int(length) == ip_address(address).max_prefixlen:
        return address
    return {"prefix": {"addr": address, "len": int(length)}}
