"""The metrics that every process of Waypost has: its build, and what the system gives it.

    version -> CollectorRegistry, to which others add theirs
    registry, Accept -> text, its media type

Source: Prometheus, "Writing client libraries", "Process metrics"; OpenMetrics 1.0.
"""

import platform
from importlib.metadata import version as installed_version
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

VERSION: Final = installed_version("waypost")
OPENMETRICS: Final = "application/openmetrics-text"


def make_metrics() -> CollectorRegistry:
    """Make the collector registry of a process.

    No counter has a second metric with the time at which it began, which doubles what is sent and
    which nobody reads: Prometheus notices resets by itself.
    """
    disable_created_metrics()
    metrics = CollectorRegistry()
    ProcessCollector(registry=metrics)
    build = Gauge(
        "waypost_build_info",
        "Always 1; the labels say which version runs, and on which Python.",
        ("version", "python_version"),
        registry=metrics,
    )
    build.labels(VERSION, platform.python_version()).set(1)
    return metrics


def exposition(metrics: Collector, accept: str) -> tuple[bytes, str]:
    """Write metrics in the form that a scraper accepts: OpenMetrics, or Prometheus' own text."""
    write, media_type = choose_encoder(accept)
    return write(metrics), media_type
