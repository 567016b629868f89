"""Self-registration: a process is a Pod of the registry, with a lease, while it runs.

    Pod -> registered -> heartbeats -> removed          DNS address -> the Pod behind kube-dns

Source: contract.md, "Objects": the endpoints of ``kube-dns`` are the running DNS processes.
"""

import asyncio
import contextlib
import logging
import re
import typing
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.domain.errors import DomainError, NotFound
from app.domain.names import NamespacedName
from app.domain.objects import namespace
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.pod import Container, ContainerPort, Pod
from app.domain.objects.service import Protocol

DNS_LABELS = {"k8s-app": "kube-dns"}  # what the selector of kube-dns asks for
LEASE_S = 15
HEARTBEAT_S = 5.0  # interval
HOST_LENGTH_MAX = 200  # characters of a host's name that become part of a Pod's

_log = logging.getLogger(__name__)


class Registrar(typing.Protocol):
    """Registry in which a process registers itself; every call may raise DomainError."""

    async def register(self, pod: Pod) -> None:
        """Create or replace the Pod."""
        ...

    async def renew(self, key: NamespacedName) -> bool:
        """Send a heartbeat; says whether the Pod is registered."""
        ...

    async def remove(self, key: NamespacedName) -> None:
        """Delete the Pod immediately; raises NotFound when it is not registered."""
        ...


def dns_pod(host: str, addresses: tuple[str, ...], *, dns_port: int, api_port: int) -> Pod:
    """Make the Pod of a DNS process on ``host`` that answers at ``addresses``, one a family.

    The port is part of the name, as several may run on one machine.
    """
    label = re.sub(r"[^a-z0-9-]+", "-", host.lower())[:HOST_LENGTH_MAX].strip("-") or "host"
    ports = (
        ContainerPort(name="dns", container_port=dns_port, protocol=Protocol.UDP),
        ContainerPort(name="dns-tcp", container_port=dns_port),
        ContainerPort(name="metrics", container_port=api_port),
    )
    return Pod(
        metadata=ObjectMeta(
            name=f"waypost-dns-{label}-{dns_port}", namespace=namespace.SYSTEM, labels=DNS_LABELS
        ),
        containers=(Container(name="dns", ports=ports),),
        lease_duration_s=LEASE_S,
        pod_ips=addresses,
    )


@asynccontextmanager
async def keep_registered(
    pod: Pod, registrar: Registrar, *, heartbeat_s: float = HEARTBEAT_S
) -> AsyncGenerator[None, None]:
    """Keep ``pod`` registered for the length of the block, with retries until that succeeds."""
    renewing = asyncio.create_task(_keep(pod, registrar, heartbeat_s))
    try:
        yield
    finally:
        renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewing
        await _deregister(pod, registrar)


async def _keep(pod: Pod, registrar: Registrar, heartbeat_s: float) -> None:
    """Register, and register again whenever the Pod has been deleted."""
    key = pod.metadata.key
    is_troubled, is_registered = False, False
    while True:
        try:
            is_registered = is_registered and await registrar.renew(key)
            if not is_registered:
                await registrar.register(pod)
            is_troubled, is_registered = False, True
        except DomainError as refusal:
            if not is_troubled:
                _log.warning("this process could not register as %s: %s; retrying", key, refusal)
            is_troubled = True
        await asyncio.sleep(heartbeat_s)


async def _deregister(pod: Pod, registrar: Registrar) -> None:
    try:
        await registrar.remove(pod.metadata.key)
    except NotFound:
        pass
    except DomainError as refusal:
        _log.warning("%s stays registered until its lease expires: %s", pod.metadata.key, refusal)
