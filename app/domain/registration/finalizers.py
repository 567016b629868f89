"""The finalizers that delay the deletion of an object: those that some client can remove.

    object -> the finalizers that count
    draft -> draft without those of a cluster's own controllers, and a warning that names them

A dump of a cluster carries finalizers of the cluster's own controllers: of the one that
cleans up load balancers, of the garbage collector, of a cloud.  None of them runs against
Waypost, so that an object with such a finalizer could never be deleted.  A finalizer under
any other domain belongs to a user: the object stays until it is removed.

Source: spec kubernetes-api 5.9 and 5.10.
"""

from collections.abc import Sequence

from app.domain.copies import replace
from app.domain.objects.resource import Object, T
from app.domain.resources import resource_of
from app.domain.work import Work

NAMED_MAX = 10  # finalizers that one warning names
CLUSTER_DOMAINS = frozenset(
    {
        "kubernetes.io",  # service.kubernetes.io/load-balancer-cleanup, batch.…/job-tracking
        "k8s.io",
        "x-k8s.io",  # what Kubernetes' interest groups make: kueue.x-k8s.io/managed
        "karpenter.sh",  # Nodes: karpenter.sh/termination
        "k8s.aws",  # service.k8s.aws/resources
        "k8s.alibaba",  # service.k8s.alibaba/resources
        "k8s.tencent",  # service.k8s.tencent/resources
        "gke.io",  # networking.gke.io/…
        "gke.networking.io",  # gke.networking.io/l4-netlb-v1
        "cattle.io",  # svccontroller.k3s.cattle.io/daemonset, wrangler.cattle.io/node
    }
)
"""Domains of controllers that run in clusters only, subdomains included."""

UNQUALIFIED = frozenset({"foregroundDeletion", "orphan", "kubernetes"})
"""Kubernetes' own finalizers without a domain: the garbage collector's, and of Namespaces."""


def lasting_finalizers(registered: Object) -> tuple[str, ...]:
    """List the finalizers that a client can remove: the object stays while it has any."""
    own = resource_of(registered).own_finalizers
    return tuple(
        name for name in registered.metadata.finalizers if not is_of_cluster(name) or name in own
    )


def is_of_cluster(name: str) -> bool:
    """Whether a finalizer belongs to a controller that runs in clusters only."""
    domain, slash, _ = name.partition("/")
    if not slash:
        return name in UNQUALIFIED
    labels = domain.split(".")
    return any(".".join(labels[place:]) in CLUSTER_DOMAINS for place in range(len(labels)))


def without_those_of_clusters(work: Work, draft: T) -> T:
    """Drop the finalizers of controllers that do not run here, with one warning."""
    lasting = lasting_finalizers(draft)
    kept = set(lasting)
    dropped = [name for name in draft.metadata.finalizers if name not in kept]
    if not dropped:
        return draft
    work.warnings.append(f"metadata.finalizers: {dropped_line(dropped)}")
    return replace(draft, metadata=replace(draft.metadata, finalizers=lasting))


def dropped_line(names: Sequence[str]) -> str:
    """Word which finalizers were dropped, and why."""
    listed = ", ".join(f'"{name}"' for name in names[:NAMED_MAX])
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    if len(names) == 1:
        return f"{listed} was dropped: the controller that would remove it does not run here"
    return f"{listed}{more} were dropped: the controllers that would remove them do not run here"
