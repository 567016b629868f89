"""Time from a change until DNS answers show it: which changes are counted, and as which kind."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from app.dns.answering.protocol import ProtocolConfig
from app.dns.counters import PROGRAMMING_BUCKETS_S, ServiceKind, total
from app.dns.metrics import DNSCollector
from app.dns.programming_latency import ProgrammingLatency, trigger_of
from app.dns.serving.server import DNSServer
from app.domain.changes import Change
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import Revision, parse_domain
from app.domain.objects.endpoint_slice import TRIGGER_TIME_ANNOTATION, EndpointSlice
from app.domain.objects.resource import Object
from app.domain.objects.service import Service
from app.domain.snapshot import load
from app.registry.reads.view import View
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_service,
    an_endpoint,
    an_endpoint_slice,
)

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
BEGUN_TEXT = "2026-01-01T00:00:00Z"


def a_slice(trigger: str = BEGUN_TEXT, service: str = "web") -> EndpointSlice:
    slice_ = an_endpoint_slice(an_endpoint(), service=service)
    annotations = {TRIGGER_TIME_ANNOTATION: trigger} if trigger else {}
    return replace(slice_, metadata=replace(slice_.metadata, annotations=annotations))


def observed(
    before: Object | None, after: Object | None, service: Service, *, took_s: float = 0.5
) -> dict[ServiceKind, int]:
    programming = ProgrammingLatency()
    change = Change(revision=Revision(2), before=before, after=after)
    programming.observe(load([service], revision=Revision(2)), [change], BEGUN.timestamp() + took_s)
    counted = {kind: sum(each.counts) for kind, each in programming.durations.items()}
    return {kind: count for kind, count in counted.items() if count}


@pytest.mark.parametrize(
    ("service", "kind"),
    [(a_service(), ServiceKind.CLUSTER_IP), (a_headless_service("web"), ServiceKind.HEADLESS)],
)
def test_a_change_of_endpoints_is_counted_by_kind_of_service(
    service: Service, kind: ServiceKind
) -> None:
    assert observed(None, a_slice(), service) == {kind: 1}
    assert observed(a_slice("2025-12-31T23:00:00Z"), a_slice(), service) == {kind: 1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, a_slice("")),
        (None, a_slice("yesterday")),
        (None, a_slice(service="")),
        (None, a_slice(service="another")),
        (a_slice(), a_slice()),
        (a_slice(), None),
        (a_service(), a_service()),
    ],
)
def test_a_change_without_a_new_trigger_time_is_not_counted(
    before: Object | None, after: Object | None
) -> None:
    assert observed(before, after, a_service()) == {}


def test_a_clock_that_is_behind_gives_zero_not_a_negative_time() -> None:
    programming = ProgrammingLatency()
    change = Change(revision=Revision(2), before=None, after=a_slice())
    after = load([a_service()], revision=Revision(2))
    programming.observe(after, [change], BEGUN.timestamp() - 60)
    assert programming.durations[ServiceKind.CLUSTER_IP].counts[0] == 1
    assert programming.durations[ServiceKind.CLUSTER_IP].sum_s == 0


def test_only_the_trigger_time_annotation_is_kept() -> None:
    slice_ = a_slice()
    assert trigger_of(slice_) == {TRIGGER_TIME_ANNOTATION: BEGUN_TEXT}
    assert trigger_of(a_namespace()) == {}


def test_the_latency_is_exposed_under_coredns_name() -> None:
    view = View()
    view.reset(load([a_service()], revision=Revision(1)), history=(), compacted=Revision(1))
    server = DNSServer(
        view, ProtocolConfig(zone=ZoneConfig(zones=(parse_domain("cluster.local"),)))
    )
    programming = ProgrammingLatency()
    change = Change(revision=Revision(2), before=None, after=a_slice())
    programming.observe(view.snapshot, [change], BEGUN.timestamp() + 0.5)
    server.programming = programming

    registry = CollectorRegistry()
    registry.register(DNSCollector("127.0.0.1", lambda: total([server.stats(), server.stats()])))

    def value(suffix: str, **labels: str) -> float | None:
        name = f"coredns_kubernetes_dns_programming_duration_seconds_{suffix}"
        return registry.get_sample_value(name, {"service_kind": "cluster_ip", **labels})

    assert value("count") == 2
    assert value("sum") == 1.0
    assert value("bucket", le=str(PROGRAMMING_BUCKETS_S[8])) == 0
    assert value("bucket", le=str(PROGRAMMING_BUCKETS_S[9])) == 2
    assert value("bucket", le="+Inf") == 2
