"""Autopath: the server walks a client's search list, so that one question is enough.

    question below its own namespace, from a Pod -> the names it will try next

A program in a Pod asks for ``www.example.com`` as ``www.example.com.default.svc.
cluster.local`` first.  The server finds the Pod by its address and so knows the rest
of its list; the answer starts with a CNAME to the name that was found.

Source: spec dns A11.
"""

from app.domain.addresses import Address
from app.domain.names import DomainName, MalformedName, parse_domain
from app.domain.objects.pod import Pod
from app.domain.snapshot import Snapshot


def names_after(
    snapshot: Snapshot,
    name: DomainName,
    client: Address,
    forward_zone: DomainName,
    host_search: tuple[str, ...],
) -> tuple[DomainName, ...]:
    """List what the client tries after ``name``; empty if its search list is unknown.

    The list has three domains of the cluster, then the host's.
    """
    pod = _pod_at(snapshot, client)
    if pod is None:
        return ()
    zone = forward_zone.labels
    first = DomainName((pod.metadata.namespace, "svc", *zone))
    if not name.is_under(first) or name == first:
        return ()
    base = name.relative_to(first)
    host = (parse_domain(domain).labels for domain in host_search)
    endings = (("svc", *zone), zone, *host, ())
    names = (_joined(base, ending) for ending in endings)
    return tuple(joined for joined in names if joined is not None)


def _pod_at(snapshot: Snapshot, client: Address) -> Pod | None:
    # Pods on the host's network share its address, so the address identifies none of them.
    pods = [pod for pod in snapshot.pods_with(str(client)) if not pod.host_network]
    living = [pod for pod in pods if not pod.is_finished]
    return living[0] if len(living) == 1 else None


def _joined(base: tuple[str, ...], ending: tuple[str, ...]) -> DomainName | None:
    try:
        return DomainName((*base, *ending))
    except MalformedName:
        return None  # too long to be asked; the client leaves it out as well
