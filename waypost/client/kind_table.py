"""Every kind with routes of its own; written by ``make openapi``."""

from waypost.client.paths import Kind

KINDS = (
    Kind("Service", "v1", "services", is_namespaced=True),
    Kind("Pod", "v1", "pods", is_namespaced=True),
    Kind("EndpointSlice", "discovery.k8s.io/v1", "endpointslices", is_namespaced=True),
    Kind("Node", "v1", "nodes", is_namespaced=False),
    Kind("Namespace", "v1", "namespaces", is_namespaced=False),
    Kind("ServiceCIDR", "networking.k8s.io/v1", "servicecidrs", is_namespaced=False),
    Kind("Role", "rbac.authorization.k8s.io/v1", "roles", is_namespaced=True),
    Kind("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", is_namespaced=False),
    Kind("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", is_namespaced=True),
    Kind(
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        is_namespaced=False,
    ),
    Kind("Token", "access.waypost/v1", "tokens", is_namespaced=False),
)
