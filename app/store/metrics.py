"""Metrics of the database, of the writes to it, and of how well it is followed.

follower, engine, writer, last backup -> families, read when asked
"""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.change_log import ChangeLogFollower
from app.store.engine import CONNECTIONS_MAX, Pool
from app.store.keeping.compaction import Compactor
from app.store.keeping.last_backup import LastBackup
from app.store.write_meter import Result
from app.store.writer import PostgresWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCollector(Collector):
    """What this process knows of its database."""

    engine: AsyncEngine
    follower: ChangeLogFollower
    writer: PostgresWriter
    compactor: Compactor
    last_backup: LastBackup

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from self._database()
        yield from self._pool()
        yield from self._writes()

    def _database(self) -> Iterator[Metric]:
        follower = self.follower
        yield GaugeMetricFamily(
            "waypost_database_up",
            "Whether the database answers: 1, or 0.",
            value=not follower.problem,
        )
        yield GaugeMetricFamily(
            "waypost_view_lag_revisions",
            "By how many revisions this process was behind the database at the last poll.",
            value=max(0, follower.latest - follower.view.snapshot.revision),
        )
        yield GaugeMetricFamily(
            "waypost_view_lag_seconds",
            "Seconds since this process has last read all changes there were; about one is usual.",
            value=follower.contact_age_s,
        )
        if (size := self.compactor.size) is not None:
            yield GaugeMetricFamily(
                "waypost_change_log_changes",
                "Changes in the database's log, reported by the process that compacts it.",
                value=size,
            )
        if (at_s := self.last_backup.at_s) is not None:
            yield GaugeMetricFamily(
                "waypost_last_backup_timestamp_seconds",
                "When the last backup was complete, in seconds since 1970; absent before the "
                "first.",
                value=at_s,
            )

    def _pool(self) -> Iterator[Metric]:
        pool = self.engine.pool
        assert isinstance(pool, Pool), "make_engine gives it this one"
        yield GaugeMetricFamily(
            "waypost_database_connections_in_use",
            "Connections to the database that work has.",
            value=pool.checkedout(),
        )
        yield GaugeMetricFamily(
            "waypost_database_connections_waiting",
            "Work that waits for a connection to the database, or for one to be made.",
            value=pool.waiting,
        )
        yield GaugeMetricFamily(
            "waypost_database_connections_max",
            "Connections to the database that this process may have.",
            value=CONNECTIONS_MAX,
        )

    def _writes(self) -> Iterator[Metric]:
        meter = self.writer.meter
        writes = CounterMetricFamily(
            "waypost_writes",
            "Writes by result: unavailable is the database's fault, failed is a bug.",
            labels=["result"],
        )
        for result in Result:
            writes.add_metric([result], meter.results[result])
        yield writes
        yield meter.durations.family(
            "waypost_write_duration_seconds",
            "Seconds of each write by phase: in the queue, in its decision, until its commit.",
            "phase",
        )
