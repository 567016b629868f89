"""The DNS vectors: fixtures as snapshots, cases as questions, answers as comparable rows."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from app.domain.addresses import parse_address
from app.domain.discovery.records import Record
from app.domain.discovery.zone_config import PodRecords, ZoneConfig
from app.domain.names import Revision, parse_domain
from app.domain.snapshot import Snapshot, load
from app.schemas.codec import decode_object

VECTORS: Mapping[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "dns.json").read_text()
)
REVISION = Revision(42)

LEFT_OUT_OPTIONS = frozenset(
    {"namespaces", "ignore_empty_service", "endpoint_pod_names", "noendpoints", "synced", "zonal"}
)
"""Options that only CoreDNS has; a case that changes its answer through one is left out."""

Row = tuple[str, str, int | None, str]


@cache
def snapshot_of(fixture: str) -> Snapshot:
    """Load the objects of a fixture."""
    documents = VECTORS["fixtures"][fixture]["objects"]
    return load((decode_object(document).object for document in documents), revision=REVISION)


def config_of(case: Mapping[str, Any]) -> ZoneConfig:
    """Read the configuration of a case; what is not ours is ignored."""
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
    """Give a record as the vectors write it; the serial of an SOA is not compared."""
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
    return (
        name == wanted["name"].lower()
        and type_ == wanted["type"]
        and wanted["ttl"] in (None, ttl_s)
        and len(tokens) == len(wanted_tokens)
        and all(want in (token, "*") for token, want in zip(tokens, wanted_tokens, strict=True))
    )
