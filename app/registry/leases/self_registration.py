"""The Pod of a DNS process: it is registered, with a lease, while the process runs.

    host, addresses, ports -> the Pod behind kube-dns

Source: contract.md, "Objects": the endpoints of ``kube-dns`` are the running DNS processes.
"""

import re

from app.domain.objects import namespace
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.pod import Container, ContainerPort, Pod
from app.domain.objects.service import Protocol

DNS_LABELS = {"k8s-app": "kube-dns"}  # what the selector of kube-dns asks for
SERVER_LABELS = {"app.kubernetes.io/component": "server"}  # of a process that has an API, too
METRICS_PORT = "metrics"  # the name of that port
LEASE_S = 15
HOST_LENGTH_MAX = 200  # characters of a host's name that become part of a Pod's


def dns_pod(
    host: str,
    addresses: tuple[str, ...],
    *,
    dns_port: int,
    api_port: int,
    is_server: bool = False,
) -> Pod:
    """Make the Pod of a DNS process on ``host`` that answers at ``addresses``, one a family.

    ``api_port`` answers for its metrics, and is that of the API if it ``is_server``.  The port of
    the DNS is part of the name, as several may run on one machine.
    """
    label = re.sub(r"[^a-z0-9-]+", "-", host.lower())[:HOST_LENGTH_MAX].strip("-") or "host"
    ports = (
        ContainerPort(name="dns", container_port=dns_port, protocol=Protocol.UDP),
        ContainerPort(name="dns-tcp", container_port=dns_port),
        ContainerPort(name=METRICS_PORT, container_port=api_port),
    )
    return Pod(
        metadata=ObjectMeta(
            name=f"waypost-dns-{label}-{dns_port}",
            namespace=namespace.SYSTEM,
            labels={**DNS_LABELS, **SERVER_LABELS} if is_server else DNS_LABELS,
        ),
        containers=(Container(name="dns", ports=ports),),
        lease_duration_s=LEASE_S,
        pod_ips=addresses,
    )
