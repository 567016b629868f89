"""Ranges are added and removed at run time; one in use stays until it is unused."""

from dataclasses import replace
from datetime import timedelta

from app.domain.names import NamespacedName
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.service import SERVICE, Service
from app.domain.objects.service_cidr import FINALIZER, SERVICE_CIDR, ServiceCIDR
from app.domain.work import Policy
from app.registry.reads.view import View
from app.registry.writes import lifecycle
from app.registry.writes.bootstrap import bootstrap
from app.registry.writes.garbage_collection import remove_due
from tests.builders import a_service, key
from tests.memory_writer import MemoryWriter

MORE = NamespacedName("", "more")


def a_writer(*ranges: str) -> MemoryWriter:
    writer = MemoryWriter(View(), Policy(service_cidrs=ranges))
    writer.write_now(lambda work: bootstrap(work, with_dns=False))
    return writer


def added(writer: MemoryWriter, cidr: str) -> None:
    draft = ServiceCIDR(metadata=ObjectMeta(name="more"), cidrs=(cidr,))
    writer.write_now(lambda work: lifecycle.create(work, draft))


def registered(writer: MemoryWriter, name: str) -> Service:
    draft = a_service(name, cluster_ip="", cluster_ips=(), ip_families=())
    stored = writer.write_now(lambda work: lifecycle.create(work, draft))
    assert isinstance(stored, Service)
    return stored


def retired(writer: MemoryWriter) -> None:
    writer.write_now(lambda work: lifecycle.delete(work, SERVICE_CIDR, MORE))


def later(writer: MemoryWriter, *, seconds: int) -> bool:
    """Let time pass and say whether the retired range is still there."""
    writer.now += timedelta(seconds=seconds)
    writer.write_now(remove_due)
    return MORE in writer.view.snapshot.service_cidrs


def test_a_range_that_is_added_serves_when_the_first_is_full() -> None:
    writer = a_writer("10.0.0.0/30")
    addresses = {registered(writer, name).cluster_ip for name in ("a", "b")}
    assert addresses == {"10.0.0.1", "10.0.0.2"}
    added(writer, "10.1.0.0/24")
    assert registered(writer, "c").cluster_ip.startswith("10.1.0.")


def test_an_unused_range_is_removed_after_a_while() -> None:
    writer = a_writer("10.0.0.0/24")
    added(writer, "10.1.0.0/24")
    retired(writer)
    assert later(writer, seconds=9)
    assert not later(writer, seconds=1)


def test_a_terminating_range_allocates_nothing_and_waits_for_its_addresses() -> None:
    writer = a_writer("10.0.0.0/30")
    for name in ("a", "b"):
        registered(writer, name)
    added(writer, "10.1.0.0/24")
    held = registered(writer, "held")
    writer.write_now(lambda work: lifecycle.delete(work, SERVICE, key("a")))
    retired(writer)

    assert registered(writer, "new").cluster_ip.startswith("10.0.0.")
    assert later(writer, seconds=60)
    assert writer.view.snapshot.services[key("held")] == held
    writer.write_now(lambda work: lifecycle.delete(work, SERVICE, key("held")))
    assert not later(writer, seconds=1)


def test_a_range_that_another_covers_is_removed_although_its_addresses_are_in_use() -> None:
    writer = a_writer("10.0.0.0/16")
    added(writer, "10.0.7.0/24")
    draft = a_service("a", cluster_ip="10.0.7.7", cluster_ips=("10.0.7.7",), ip_families=())
    writer.write_now(lambda work: lifecycle.create(work, draft))
    retired(writer)
    assert not later(writer, seconds=10)


def test_a_range_has_a_finalizer_and_is_ready() -> None:
    writer = a_writer("10.0.0.0/24")
    added(writer, "10.1.0.0/24")
    stored = writer.view.snapshot.service_cidrs[MORE]
    assert stored.metadata.finalizers == (FINALIZER,)
    assert stored.is_ready
    retired(writer)
    assert not replace(writer.view.snapshot.service_cidrs[MORE]).is_ready
