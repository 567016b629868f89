"""Every metric is in docs/monitoring/metrics.md, with its type, labels and meaning as in the code.

``python tests/architecture/test_metrics_documented.py`` writes the tables anew.
"""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from app.agent.health import metrics_of
from app.agent.probe_stats import ProbeStats
from app.agent.stats import AgentStats
from app.api.dependencies import Registry
from app.api.monitoring.requests import RequestMeters
from app.config import Settings
from app.database_commands import database
from app.dns.counters import Kind, Stats
from app.dns.messages.message import Rcode, Transport
from app.dns.metrics import DNSCollector
from app.domain.names import Revision
from app.listener import reloading, tls_of
from app.registry.writes import lifecycle
from app.store.keeping.last_backup import note_backup
from app.store.keeping.migrations import migrate
from app.telemetry.process import make_metrics
from tests.builders import a_node
from tests.certificates import Authority
from tests.databases import connected
from tests.registries import a_registry
from tests.waiting import until

REFERENCE = Path(__file__).parents[2] / "docs" / "monitoring" / "metrics.md"
BEGIN, END = "<!-- metrics -->\n", "<!-- /metrics -->"
SERVER, REPLICA, AGENT = "API server", "DNS replica", "agent"
AWAITED = ("waypost_last_backup_timestamp_seconds", "waypost_change_log_changes")
Families = Mapping[str, Metric]


async def test_the_reference_of_metrics_is_that_of_the_code(database_url: str) -> None:
    found = tables(await every_family(database_url))
    assert tables_in(REFERENCE.read_text()) == found, f"run python {Path(__file__).name}"


async def test_every_metric_says_what_it_is_and_none_says_when_it_began(database_url: str) -> None:
    for families in (await every_family(database_url)).values():
        for name, family in families.items():
            assert family.documentation.endswith("."), name
            assert not any(sample.name.endswith("_created") for sample in family.samples), name


async def every_family(url: str) -> Mapping[str, Families]:
    """Collect what each kind of process shows, once everything that it counts has happened."""
    replica = make_metrics()
    replica.register(DNSCollector("127.0.0.1", some_stats))
    return {
        SERVER: await families_of_server(url),
        REPLICA: collected(replica),
        AGENT: collected(metrics_of(AgentStats(), ProbeStats())),
    }


async def families_of_server(url: str) -> Families:
    async with connected(url) as engine:
        await note_backup(engine)
    with TemporaryDirectory() as name:
        folder = Path(name)
        certificate, key = Authority.named("a").server("a.example").saved(folder, "api")
        tls = tls_of(Settings.model_validate({"tls_cert": str(certificate), "tls_key": str(key)}))
        assert tls is not None
        async with (
            a_registry(url, auth=True, data_dir=folder) as registry,
            reloading(tls, registry.metrics),
        ):
            return await families_of(registry)


async def families_of(registry: Registry) -> Families:
    metrics = registry.metrics
    assert registry.access is not None
    registry.access.counted.labels(method="token", result="success")
    RequestMeters(metrics).of("GET", "/livez", 200)
    if not registry.view.snapshot.nodes:
        await registry.writer.write(lambda work: lifecycle.create(work, a_node("n1")))
    registry.rules.positions.note("n1", Revision(1))
    metrics.register(DNSCollector("127.0.0.1", some_stats))
    await until(lambda: set(AWAITED) <= set(collected(metrics)))
    return collected(metrics)


def some_stats() -> Stats:
    stats = Stats()
    stats.replies[
        Kind(Transport.UDP, "A", Rcode.NOERROR, is_dnssec_ok=False, request_bytes=0, reply_bytes=0)
    ] += 1
    return stats


def collected(metrics: CollectorRegistry) -> Families:
    return {family.name: family for family in metrics.collect()}


def tables(found: Mapping[str, Families]) -> str:
    """Write a table of all metrics, sorted by name, with the processes that have each."""
    names = sorted({name for families in found.values() for name in families})
    rows = [
        row(name, {who: each[name] for who, each in found.items() if name in each})
        for name in names
    ]
    return "\n".join(["| metric | type | labels | of | meaning |", "|---|---|---|---|---|", *rows])


def row(name: str, by_process: Mapping[str, Metric]) -> str:
    family = next(iter(by_process.values()))
    labels = {label for each in by_process.values() for label in labels_of(each)}
    shown = f"{name}_total" if family.type == "counter" else name
    listed = ", ".join(f"`{label}`" for label in sorted(labels))
    return (
        f"| `{shown}` | {family.type} | {listed} | {', '.join(by_process)} | "
        f"{family.documentation} |"
    )


def labels_of(family: Metric) -> Iterable[str]:
    return {label for sample in family.samples for label in sample.labels} - {"le"}


def tables_in(text: str) -> str:
    _, begin, rest = text.partition(BEGIN)
    found, end, _ = rest.partition(END)
    assert begin, f"the reference has no {BEGIN.strip()}"
    assert end, f"the reference has no {END}"
    return found.strip()


async def write() -> None:
    with TemporaryDirectory() as folder:
        async with database(
            Settings.model_validate({"database_url": "", "data_dir": folder})
        ) as url:
            async with connected(url) as engine:
                await migrate(engine)
            found = tables(await every_family(url))
    before, _, rest = REFERENCE.read_text().partition(BEGIN)
    REFERENCE.write_text(f"{before}{BEGIN}{found}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    asyncio.run(write())
