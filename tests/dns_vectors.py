"""The DNS vectors: fixtures as snapshots, cases as questions, answers as comparable rows."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from app.domain.addresses import parse_address
from app.domain.discovery.zone.config import PodRecords, ZoneConfig
from app.domain.discovery.zone.records import Record
from app.domain.names import Revision, parse_domain
from app.domain.snapshot import Snapshot, load
from app.schemas.objects.codec import decode_object

VECTORS: Mapping[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "dns.json").read_text()
)
REVISION = Revision(42)

LEFT_OUT: Mapping[str, str] = {
    "serve/handler_ignore_emptyservice/001": "ignore_empty_service is an option of CoreDNS alone",
    "edge/kubernetes/058": "ignore_empty_service is an option of CoreDNS alone",
    "edge/kubernetes/062": "an allow list of namespaces is an option of CoreDNS alone",
    "edge/kubernetes/063": "an allow list of namespaces is an option of CoreDNS alone",
    "edge/reverse/009": "an allow list of namespaces is an option of CoreDNS alone",
    "edge/handler/012": "before the first synchronisation every answer is SERVFAIL",
    "edge/handler/013": "before the first synchronisation every answer is SERVFAIL",
}
"""Cases with an option that Waypost does not have, each with the reason."""

RFC_WINS: Mapping[str, str] = {
    "edge/kubernetes/007": "the apex exists, so TXT there is NODATA (RFC 2308)",
    "edge/kubernetes/008": "an empty non-terminal exists, so TXT there is NODATA (RFC 8020)",
    "edge/kubernetes/009": "a namespace exists, so TXT there is NODATA (RFC 8020)",
    "edge/parse/002": "_tcp has named ports below it, so it exists (RFC 8020)",
    "edge/handler/017": "names compare without case (RFC 4343), so the apex owns its NS",
    "edge/parse/005": "a service label begins with an underscore (RFC 2782)",
    "edge/kubernetes/022": "an SRV owner owns no address (RFC 2782)",
    "edge/kubernetes/085": "there is no name below a Pod's name",
    "edge/kubernetes/038": "an alias answers every type (RFC 1034 section 3.6.2); a quirk",
    "edge/kubernetes/066": "an alias exists in our zone, whether or not its target does (spec A4)",
    "edge/kubernetes/069": "an alias exists, and what it leads to does not (RFC 2308); a quirk",
    "edge/kubernetes/072": "an alias answers every type (RFC 1034 section 3.6.2), spec A3",
    "edge/kubernetes/074": "an alias exists, and no name below it does (RFC 2308)",
    "edge/reverse/003": "a name that owns a PTR exists for every type (RFC 2308)",
    "edge/reverse/004": "a name with names below it exists (RFC 8020)",
    "edge/reverse/010": "in-addr.arpa is a reverse zone, no cluster domain; its note says as much",
}
"""Cases with a quirk of CoreDNS; Waypost answers as the RFC says."""

Row = tuple[str, str, int | None, str]


@cache
def snapshot_of(fixture: str) -> Snapshot:
    """Load the objects of a fixture."""
    documents = VECTORS["fixtures"][fixture]["objects"]
    return load((decode_object(document).object for document in documents), revision=REVISION)


def config_of(case: Mapping[str, Any]) -> ZoneConfig:
    """Read the configuration of a case; options of CoreDNS only are ignored."""
    config = case["config"]
    zones = config.get("zones", ["cluster.local."])
    fallthrough = config.get("fallthrough", [])
    passed_on = [zone for zone in zones if zone in fallthrough or "." in fallthrough]
    own = (parse_address(text) for text in config.get("local_ips", []))
    return ZoneConfig(
        zones=tuple(parse_domain(zone) for zone in zones),
        fallthrough=tuple(parse_domain(zone) for zone in passed_on),
        ttl_s=config.get("ttl", 5),
        pods=PodRecords(config.get("pods", "disabled")),
        nameserver_addresses=tuple(address for address in own if address is not None),
    )


def row_of(record: Record) -> Row:
    """Format a record as in the vectors; the serial of an SOA is not compared."""
    rdata = str(record.content)
    if record.type.name == "SOA":
        first, second, _, *times = rdata.split()
        rdata = " ".join((first, second, "*", *times))
    return (str(record.name).lower(), record.type.name, record.ttl_s, rdata.lower())


def matches(actual: Iterable[Row], expected: Iterable[Mapping[str, Any]]) -> bool:
    """Whether two sections are equal as sets; ``*`` and a null TTL match anything."""
    rest = sorted(actual)
    for wanted in expected:
        found = next((row for row in rest if _is_like(row, wanted)), None)
        if found is None:
            return False
        rest.remove(found)
    return not rest


def _is_like(row: Row, wanted: Mapping[str, Any]) -> bool:
    name, type_, ttl_s, rdata = row
    tokens, wanted_tokens = rdata.split(), wanted["rdata"].lower().split()
    if wanted_tokens == ["*"]:
        wanted_tokens *= len(tokens)
    return (
        wanted["name"].lower() in (name, "*")
        and type_ == wanted["type"]
        and wanted["ttl"] in (None, ttl_s)
        and len(tokens) == len(wanted_tokens)
        and all(
            want in (token, "*", '"*"') for token, want in zip(tokens, wanted_tokens, strict=True)
        )
    )
