"""The names of every kind, without the kinds; written by ``make openapi``."""

from typing import NamedTuple


class Kind(NamedTuple):
    """The names of one kind."""

    name: str
    plural: str
    api_version: str
    is_namespaced: bool
    short_names: tuple[str, ...]

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


KINDS = (
    Kind("Namespace", "namespaces", "v1", is_namespaced=False, short_names=("ns",)),
    Kind(
        "ClusterRole",
        "clusterroles",
        "rbac.authorization.k8s.io/v1",
        is_namespaced=False,
        short_names=(),
    ),
    Kind("Role", "roles", "rbac.authorization.k8s.io/v1", is_namespaced=True, short_names=()),
    Kind(
        "ClusterRoleBinding",
        "clusterrolebindings",
        "rbac.authorization.k8s.io/v1",
        is_namespaced=False,
        short_names=(),
    ),
    Kind(
        "RoleBinding",
        "rolebindings",
        "rbac.authorization.k8s.io/v1",
        is_namespaced=True,
        short_names=(),
    ),
    Kind("Node", "nodes", "v1", is_namespaced=False, short_names=("no",)),
    Kind(
        "ServiceCIDR", "servicecidrs", "networking.k8s.io/v1", is_namespaced=False, short_names=()
    ),
    Kind("Service", "services", "v1", is_namespaced=True, short_names=("svc",)),
    Kind("Pod", "pods", "v1", is_namespaced=True, short_names=("po",)),
    Kind(
        "EndpointSlice",
        "endpointslices",
        "discovery.k8s.io/v1",
        is_namespaced=True,
        short_names=("eps",),
    ),
    Kind("Token", "tokens", "access.waypost/v1", is_namespaced=False, short_names=()),
)

ENDPOINTS = Kind("Endpoints", "endpoints", "v1", is_namespaced=True, short_names=())
"""Not among them: only its slices are kept."""
