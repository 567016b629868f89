"""Which finalizers hold an object here: those of whoever can take them off again.

    object -> the finalizers that hold it, and those of controllers that run in a cluster only

A dump of a cluster carries finalizers of the cluster's own controllers: of the one that
cleans up load balancers, of the garbage collector, of a cloud.  None of them runs against
Waypost, so that an object with one of theirs could never go.  A finalizer under any other
domain is a user's own: it holds for as long as it is there.

Source: spec kubernetes-api 5.9 and 5.10.
"""

from app.domain.objects.kinds import Object
from app.domain.objects.service_cidr import FINALIZER, ServiceCIDR

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
"""Domains of what runs in clusters only; the domains below them count as well."""

UNQUALIFIED = frozenset({"foregroundDeletion", "orphan", "kubernetes"})
"""Kubernetes' own finalizers without a domain: of the garbage collector, and of Namespaces."""


def lasting_finalizers(registered: Object) -> tuple[str, ...]:
    """List the finalizers that somebody may take off: while there are any, the object stays."""
    return tuple(
        name
        for name in registered.metadata.finalizers
        if not is_of_cluster(name) or _is_own(registered, name)
    )


def is_of_cluster(name: str) -> bool:
    """Whether a finalizer belongs to a controller that runs in clusters only."""
    domain, slash, _ = name.partition("/")
    if not slash:
        return name in UNQUALIFIED
    labels = domain.split(".")
    return any(".".join(labels[place:]) in CLUSTER_DOMAINS for place in range(len(labels)))


def _is_own(registered: Object, name: str) -> bool:
    """Whether the registry takes the finalizer off itself, as the cluster's controller does."""
    return isinstance(registered, ServiceCIDR) and name == FINALIZER
