"""A process is registered while it runs, renews its lease, and is deregistered when it ends."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from app.domain.errors import DomainError
from app.domain.objects.namespace import SYSTEM
from app.domain.objects.pod import Pod
from app.registry.leases.heartbeats import OwnRegistrar
from app.registry.leases.self_registration import LEASE_S, dns_pod
from app.registry.writes.bootstrap import dns_service
from tests.builders import key
from tests.registry.lease_worlds import LeaseWorld
from tests.waiting import until
from waypost.client.registration import Registered, keep_registered

NAME = "kube-system/waypost-dns-node-1-53"


def registered(world: LeaseWorld, pod: Pod) -> AbstractAsyncContextManager[Registered]:
    """Keep a Pod registered, with heartbeats at no interval."""
    registrar = OwnRegistrar(world.writer, world.leases, pod)
    return keep_registered(registrar, failures=DomainError, heartbeat_s=0)


def ready_at(world: LeaseWorld) -> list[tuple[str, int | None]]:
    return sorted(
        (endpoint.addresses[0], port.port)
        for slice_ in world.snapshot.slices_of(key("kube-system/kube-dns"))
        for endpoint in slice_.endpoints
        for port in slice_.ports
        if endpoint.conditions.is_ready
    )


async def test_a_dns_process_is_an_endpoint_of_kube_dns_while_it_runs() -> None:
    world = LeaseWorld(dns_service("10.96.0.10"))
    pod = dns_pod("Node_1", ("10.0.0.5",), dns_port=53, api_port=8053)
    async with registered(world, pod):
        await until(lambda: key(NAME) in world.snapshot.pods)
        assert ready_at(world) == [("10.0.0.5", 53), ("10.0.0.5", 53), ("10.0.0.5", 8053)]
        for _ in range(3 * LEASE_S):
            world.wait(1)
            await asyncio.sleep(0)
            await world.leases.sweep()
        assert len(ready_at(world)) == 3
    assert key(NAME) not in world.snapshot.pods
    assert ready_at(world) == []


async def test_a_deleted_registration_is_made_again() -> None:
    world = LeaseWorld()
    pod = dns_pod("node-1", ("10.0.0.5",), dns_port=53, api_port=8053)
    async with registered(world, pod):
        await until(lambda: key(NAME) in world.snapshot.pods)
        world.delete(pod, grace_s=0)
        await until(lambda: key(NAME) in world.snapshot.pods)
        world.delete(pod, grace_s=0)


async def test_a_refused_registration_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    world = LeaseWorld()
    pod = dns_pod("node-1", ("nowhere",), dns_port=53, api_port=8053)
    async with registered(world, pod) as registration:
        await until(lambda: bool(registration.problem))
    assert f"could not register {NAME}" in caplog.text


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("laptop", "waypost-dns-laptop-1053"),
        ("Büro.example.COM", "waypost-dns-b-ro-example-com-1053"),
        ("---", "waypost-dns-host-1053"),
        ("x" * 400, f"waypost-dns-{'x' * 200}-1053"),
    ],
)
def test_any_host_name_makes_a_valid_pod_name(host: str, name: str) -> None:
    pod = dns_pod(host, ("10.0.0.5",), dns_port=1053, api_port=8053)
    assert pod.metadata.key == (SYSTEM, name)
