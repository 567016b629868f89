"""The lookups of vectors/resolver.json, and the small nameserver with which they were made."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.discovery.resolution import Profile, walk
from app.domain.discovery.resolvers.lookup import (
    Host,
    Lookup,
    LookupFlag,
    Network,
    Outcome,
    Query,
    Rcode,
    Record,
    Reply,
    Transport,
)
from app.domain.names import DomainName, parse_domain

VECTORS = Path(__file__).parent / "vectors" / "resolver.json"
CHAIN_MAX = 16

QTYPES = {"AF_UNSPEC": "ADDR", "AF_INET": "A", "AF_INET6": "AAAA"}
NETWORKS = {
    "v4": Network(),
    "dual": Network(ipv6="2001:db8:1::2"),
    "none": Network(ipv4=None),
}
FLAGS = {
    "canon": LookupFlag.CANONICAL_NAME,
    "addrconfig": LookupFlag.ADDRESS_CONFIG,
    "null-hints": LookupFlag.NO_HINTS,
    "v4mapped": LookupFlag.V4_MAPPED,
    "all": LookupFlag.ALL,
}


def resolve(profile: Profile, lookup: Lookup, host: Host, ask: Callable[[Query], Reply]) -> Outcome:
    """Run a walk to its end with a function that answers every query immediately."""
    steps = walk(profile, lookup, host)
    try:
        flight = next(steps)
        while True:
            flight = steps.send(tuple(ask(query) for query in flight))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def load() -> list[dict[str, Any]]:
    return json.loads(VECTORS.read_text(encoding="utf-8"))


def lookup_of(vector: Mapping[str, Any]) -> Lookup:
    flags = frozenset(FLAGS[flag] for flag in vector.get("flags", ()))
    return Lookup(name=vector["qname"], qtype=QTYPES[vector["family"]], flags=flags)


def host_of(vector: Mapping[str, Any]) -> Host:
    environment = vector.get("env", {})
    return Host(
        resolv_conf=vector["resolv_conf"]["text"],
        network=NETWORKS[vector["network"]],
        hostname=vector.get("hostname", "host"),
        hosts=vector.get("hosts", ""),
        sources=tuple(vector.get("nss_hosts", "dns").split()),
        local_domain=environment.get("LOCALDOMAIN"),
        res_options=environment.get("RES_OPTIONS", ""),
        host_aliases=vector.get("hostaliases", ""),
    )


Content = str | Mapping[str, str | list[str] | bool]  # an rcode, or the records by type
Zone = Mapping[str, Content]


@dataclass(frozen=True)
class Nameservers:
    """The servers of one vector; for other zones, each has the common content."""

    zone: Zone
    zones: Mapping[str, Zone]
    closed: frozenset[str]

    @classmethod
    def of(cls, vector: Mapping[str, Any]) -> "Nameservers":
        return cls(
            zone=_folded(vector["zone"]),
            zones={server: _folded(zone) for server, zone in vector.get("zones", {}).items()},
            closed=frozenset(vector.get("closed", ())),
        )

    def ask(self, query: Query) -> Reply:
        if query.nameserver in self.closed:
            return Reply(rcode=Rcode.CLOSED)
        if query.is_malformed:
            return Reply(rcode=Rcode.FORMERR)
        zone = self.zones.get(query.nameserver, self.zone)
        chain: list[Record] = []
        name = query.name
        for _ in range(CHAIN_MAX):
            content = _content(zone, name)
            if isinstance(content, str):
                return _silence_or_code(content, chain)
            if "CNAME" not in content:
                return _records(content, query, name, chain)
            target = str(content["CNAME"])
            chain.append(_record(name, "CNAME", f"{target}."))
            name = parse_domain(target)
        return Reply(rcode=Rcode.NOERROR, records=tuple(chain))


def _folded(zone: Zone) -> Zone:
    return {name.lower(): content for name, content in zone.items()}


def _content(zone: Zone, name: DomainName) -> Content:
    key = str(name).removesuffix(".").lower()
    labels = key.split(".")
    wildcards = (".".join(["*", *labels[cut:]]) for cut in range(1, len(labels) + 1))
    for owner in (key, *wildcards):
        if owner in zone:
            return zone[owner]
    return "NXDOMAIN"


def _records(
    content: Mapping[str, str | list[str] | bool],
    query: Query,
    name: DomainName,
    chain: list[Record],
) -> Reply:
    if content.get("tc") and query.transport is Transport.UDP:
        return Reply(rcode=Rcode.NOERROR, is_truncated=True)
    values = content.get(query.qtype, "NODATA")
    if isinstance(values, list):
        found = [_record(name, query.qtype, value) for value in values]
        return Reply(rcode=Rcode.NOERROR, records=(*chain, *found))
    return _silence_or_code(str(values), chain)


def _silence_or_code(word: str, chain: list[Record]) -> Reply:
    match word:
        case "DROP":
            return Reply(rcode=Rcode.TIMEOUT)
        case "LAME":
            return Reply(rcode=Rcode.NOERROR, is_recursive=False)
        case "NODATA":
            return Reply(rcode=Rcode.NOERROR, records=tuple(chain))
        case "NXDOMAIN":
            return Reply(rcode=Rcode.NXDOMAIN, records=tuple(chain))
        case _:
            return Reply(rcode=Rcode(word))


def _record(name: DomainName, rtype: str, value: str) -> Record:
    return Record(name=name, rtype=rtype, ttl_s=30, value=value)


Packet = tuple[str | None, str | None, str, str]


def observed(vector: Mapping[str, Any]) -> list[Packet]:
    return [
        (query["qname"], query["qtype"], query["server"], query["proto"])
        for query in vector["observed_queries"]
    ]


def sent(outcome: Outcome) -> list[Packet]:
    """The queries that a nameserver could have received: none at a closed port."""
    packets: list[Packet] = []
    for step in outcome.steps:
        if step.reply.rcode is Rcode.CLOSED:
            continue
        query = step.query
        if query.is_malformed:
            packets.append((None, None, query.nameserver, str(query.transport)))
        else:
            name = str(query.name).removesuffix(".") or "."
            packets.append((name, query.qtype, query.nameserver, str(query.transport)))
    return packets
