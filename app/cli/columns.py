"""The columns of each kind's list, as in kubectl.

    objects, kind -> Sheet

Columns about running containers, such as restarts, are left out.
Source: spec kubernetes-api 5.12.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.cli.ages import age
from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.kinds import Kind
from app.cli.output import Sheet
from app.domain.addresses import parse_address
from app.domain.names import ZONE_LABEL

NONE, UNSET = "<none>", "<unset>"
SHOWN_MAX = 3  # endpoints or ports of a slice in a cell
_ROLE_LABEL = "node-role.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, its cells, and whether only ``-o wide`` shows it."""

    heading: str
    cell: Callable[[Json], str]
    is_wide: bool = False


def sheet(  # noqa: PLR0913  how it is shown
    objects: Iterable[Json],
    kind: Kind,
    now: datetime,
    *,
    is_wide: bool = False,
    with_namespace: bool = False,
    more: Iterable[Column] = (),
) -> Sheet:
    """Tabulate objects of one kind; the columns ``more`` follow those of the kind."""
    own = [column for column in COLUMNS.get(kind.name, PLAIN) if is_wide or not column.is_wide]
    columns = [*own, *more]
    before = ("NAMESPACE",) if with_namespace and kind.is_namespaced else ()
    rows: list[tuple[str, ...]] = []
    for document in objects:
        namespace = (text(document, "metadata", "namespace"),) if before else ()
        cells = (
            age(text(document, "metadata", "creationTimestamp"), now)
            if column is AGE
            else column.cell(document) or NONE
            for column in columns
        )
        rows.append((*namespace, *cells))
    return Sheet((*before, *(column.heading for column in columns)), tuple(rows))


def _name(document: Json) -> str:
    return text(document, "metadata", "name")


def _few(entries: Iterable[str]) -> str:
    listed = list(entries)
    more = f" + {len(listed) - SHOWN_MAX} more..." if len(listed) > SHOWN_MAX else ""
    return ",".join(listed[:SHOWN_MAX]) + more


def _labels(document: Json, *path: str) -> str:
    return ",".join(f"{key}={value}" for key, value in mapping(document, *path).items())


# Services


def _cluster_ip(service: Json) -> str:
    return next(iter(texts(service, "spec", "clusterIPs")), text(service, "spec", "clusterIP"))


def external_ips(service: Json) -> str:
    """List the external addresses of a Service."""
    spec = mapping(service, "spec")
    listed = texts(spec, "externalIPs")
    match text(spec, "type"):
        case "ExternalName":
            return text(spec, "externalName")
        case "LoadBalancer":
            ingress = mappings(service, "status", "loadBalancer", "ingress")
            balanced = [text(entry, "ip") or text(entry, "hostname") for entry in ingress]
            return ",".join((*balanced, *listed)) or "<pending>"
        case _:
            return ",".join(listed)


def service_ports(service: Json) -> str:
    """Format the ports of a Service, ``80:30080/TCP``."""
    return ",".join(
        f"{text(port, 'port')}{f':{node_port}' if node_port else ''}"
        f"/{text(port, 'protocol', default='TCP')}"
        for port in mappings(service, "spec", "ports")
        for node_port in (text(port, "nodePort").removeprefix("0"),)
    )


# Pods


def _conditions(document: Json) -> dict[str, str]:
    return {
        text(condition, "type"): text(condition, "status")
        for condition in mappings(document, "status", "conditions")
    }


def _pod_ready(pod: Json) -> str:
    containers = max(1, len(mappings(pod, "spec", "containers")))
    return f"{containers if _conditions(pod).get('Ready') == 'True' else 0}/{containers}"


def _pod_status(pod: Json) -> str:
    if text(pod, "metadata", "deletionTimestamp"):
        return "Terminating"
    return text(pod, "status", "phase")


def _pod_ip(pod: Json) -> str:
    several = ",".join(text(entry, "ip") for entry in mappings(pod, "status", "podIPs"))
    return several or text(pod, "status", "podIP")


# Nodes


def _node_status(node: Json) -> str:
    ready = _conditions(node).get("Ready")
    status = {None: "Unknown", "True": "Ready"}.get(ready, "NotReady")
    is_closed = text(node, "spec", "unschedulable") == "true"
    return f"{status},SchedulingDisabled" if is_closed else status


def _node_roles(node: Json) -> str:
    labels = mapping(node, "metadata", "labels")
    return ",".join(
        sorted(key.removeprefix(_ROLE_LABEL) for key in labels if key.startswith(_ROLE_LABEL))
    )


def _node_addresses(type_: str) -> Callable[[Json], str]:
    # A Node may report any text as an address; only IP addresses are shown.
    def addresses(node: Json) -> str:
        return ",".join(
            address
            for entry in mappings(node, "status", "addresses")
            if text(entry, "type") == type_ and parse_address(address := text(entry, "address"))
        )

    return addresses


# EndpointSlices


def _slice_ports(slice_: Json) -> str:
    return _few(text(port, "port") for port in mappings(slice_, "ports")) or UNSET


def _slice_endpoints(slice_: Json) -> str:
    endpoints = mappings(slice_, "endpoints")
    return _few(address for endpoint in endpoints for address in texts(endpoint, "addresses"))


# Roles and bindings


def _created_at(document: Json) -> str:
    return text(document, "metadata", "creationTimestamp")


def _role_ref(binding: Json) -> str:
    return f"{text(binding, 'roleRef', 'kind')}/{text(binding, 'roleRef', 'name')}"


def _subjects(kind: str) -> Callable[[Json], str]:
    def subjects(binding: Json) -> str:
        return ", ".join(
            "/".join(filter(None, (text(subject, "namespace"), text(subject, "name"))))
            for subject in mappings(binding, "subjects")
            if text(subject, "kind") == kind
        )

    return subjects


AGE = Column("AGE", _name)  # ``sheet`` fills it, since it needs the time
_NAME = Column("NAME", _name)

PLAIN = (_NAME, AGE)
"""The columns of kinds that are not in ``COLUMNS``."""

_ROLE = (_NAME, Column("CREATED AT", _created_at))
_BINDING = (
    _NAME,
    Column("ROLE", _role_ref),
    AGE,
    Column("USERS", _subjects("User"), is_wide=True),
    Column("GROUPS", _subjects("Group"), is_wide=True),
    Column("SERVICEACCOUNTS", _subjects("ServiceAccount"), is_wide=True),
)

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Service": (
        _NAME,
        Column("TYPE", lambda service: text(service, "spec", "type")),
        Column("CLUSTER-IP", _cluster_ip),
        Column("EXTERNAL-IP", external_ips),
        Column("PORT(S)", service_ports),
        AGE,
        Column("SELECTOR", lambda service: _labels(service, "spec", "selector"), is_wide=True),
    ),
    "Pod": (
        _NAME,
        Column("READY", _pod_ready),
        Column("STATUS", _pod_status),
        AGE,
        Column("IP", _pod_ip),
        Column("NODE", lambda pod: text(pod, "spec", "nodeName")),
        Column("LABELS", lambda pod: _labels(pod, "metadata", "labels"), is_wide=True),
    ),
    "Node": (
        _NAME,
        Column("STATUS", _node_status),
        Column("ROLES", _node_roles),
        AGE,
        Column("INTERNAL-IP", _node_addresses("InternalIP")),
        Column("ZONE", lambda node: text(node, "metadata", "labels", ZONE_LABEL)),
        Column("EXTERNAL-IP", _node_addresses("ExternalIP"), is_wide=True),
    ),
    "Namespace": (
        _NAME,
        Column("STATUS", lambda namespace: text(namespace, "status", "phase")),
        AGE,
    ),
    "EndpointSlice": (
        _NAME,
        Column("ADDRESSTYPE", lambda slice_: text(slice_, "addressType")),
        Column("PORTS", _slice_ports),
        Column("ENDPOINTS", _slice_endpoints),
        AGE,
    ),
    "ServiceCIDR": (
        _NAME,
        Column("CIDRS", lambda range_: ",".join(texts(range_, "spec", "cidrs"))),
        AGE,
    ),
    "Role": _ROLE,
    "ClusterRole": _ROLE,
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "Token": (
        _NAME,
        Column("USER", lambda token: text(token, "spec", "user")),
        Column("EXPIRES", lambda token: text(token, "spec", "expiresAt")),
        Column("LAST USED", lambda token: text(token, "status", "lastUsedAt")),
        Column("REVOKED", lambda token: text(token, "status", "revokedAt")),
        AGE,
        Column("GROUPS", lambda token: ",".join(texts(token, "spec", "groups")), is_wide=True),
        Column("CREATED BY", lambda token: text(token, "status", "createdBy"), is_wide=True),
        Column("DESCRIPTION", lambda token: text(token, "spec", "description"), is_wide=True),
    ),
}
"""By the name of the kind."""
