"""Pod records: names made from addresses, ``10-244-1-5.default.pod``.

    (Snapshot, namespace, label, PodRecords) -> Address | None

Source: spec dns A7.
"""

from ipaddress import IPv4Address

from app.domain.addresses import Address, parse_address
from app.domain.discovery.zone.config import PodRecords
from app.domain.objects.pod import Pod, PodPhase
from app.domain.snapshot import Snapshot

_IPV4_DASHES = 3


def pod_address(snapshot: Snapshot, namespace: str, label: str, pods: PodRecords) -> Address | None:
    """Find the address of a Pod name; None when the name does not exist."""
    address = parse_dashed(label)
    if address is None or pods == PodRecords.DISABLED:
        return None
    if pods == PodRecords.VERIFIED:
        holders = snapshot.pods_with(str(address))
        if not any(_is_named(pod, namespace) for pod in holders):
            return None
    return address


def parse_dashed(label: str) -> Address | None:
    """Parse an address written with dashes; with three dashes it is an IPv4 address."""
    is_v4 = label.count("-") == _IPV4_DASHES and "--" not in label
    address = parse_address(label.replace("-", "." if is_v4 else ":"))
    return address if address is None or isinstance(address, IPv4Address) == is_v4 else None


def _is_named(pod: Pod, namespace: str) -> bool:
    # Finished, unknown and terminating Pods have no name.
    return (
        pod.metadata.namespace == namespace
        and not pod.metadata.is_terminating
        and not pod.is_finished
        and pod.phase != PodPhase.UNKNOWN
    )
