"""A process that registers itself, keeps its lease, and takes itself off when it ends.

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
HEARTBEAT_S = 5.0
HOST_LENGTH_MAX = 200  # characters of a host's name that become part of a Pod's

_log = logging.getLogger(__name__)


class Registrar(typing.Protocol):
    """Where a process registers itself; every call may raise DomainError."""

    async def register(self, pod: Pod) -> None:
        """Make the Pod known, or known again."""
        ...

    async def renew(self, key: NamespacedName) -> bool:
        """Send a heartbeat; says whether the Pod is known."""
        ...

    async def remove(self, key: NamespacedName) -> None:
        """Take the Pod off at once; raises NotFound when it is not there."""
        ...


def dns_pod(host: str, addresses: tuple[str, ...], *, dns_port: int, api_port: int) -> Pod:
    """Describe a DNS process on ``host`` that answers at ``addresses``, one a family.

    The port is part of the name: several may run on one machine.
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
async def present(pod: Pod, registrar: Registrar) -> AsyncGenerator[None, None]:
    """Be registered as ``pod`` for the length of the block, or as soon as that is possible."""
    beating = asyncio.create_task(_keep(pod, registrar))
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
        await _take_off(pod, registrar)


async def _keep(pod: Pod, registrar: Registrar) -> None:
    """Register, and again whenever somebody has taken the registration off."""
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
                _log.warning("this process cannot be registered as %s: %s", key, refusal)
            is_troubled = True
        await asyncio.sleep(HEARTBEAT_S)


async def _take_off(pod: Pod, registrar: Registrar) -> None:
    try:
        await registrar.remove(pod.metadata.key)
    except NotFound:
        pass
    except DomainError as refusal:
        _log.warning("%s stays until its lease runs out: %s", pod.metadata.key, refusal)
