"""What Prometheus is to scrape: Waypost's own processes, and what opts in by annotations.

    snapshot, allowed -> groups of addresses with labels, for ``http_sd_configs``

A Pod, a Service or a Node opts in by ``prometheus.io/scrape: "true"``, and says how by the
annotations ``port``, ``path`` and ``scheme`` of the same prefix.  A Service stands for its
endpoints.  Labels have the names that Prometheus' own discovery in Kubernetes gives them, so that
its relabelling works here; ``__meta_waypost_role`` tells the kinds of targets apart.

Source: Prometheus, "HTTP SD" and ``kubernetes_sd_config``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.addresses import PORT_MAX
from app.domain.objects.endpoint_slice import Endpoint, EndpointPort, EndpointSlice
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import SYSTEM
from app.domain.objects.node import Node
from app.domain.objects.pod import POD, Pod
from app.domain.objects.service import Protocol, Service
from app.domain.snapshot import Snapshot
from app.registry.leases.self_registration import DNS_LABELS, METRICS_PORT, SERVER_LABELS

AGENT_PORT: Final = 9154  # of an agent's metrics, unless its Node says otherwise
VALUE_CHARACTERS_MAX: Final = 1_024  # of an annotation that becomes a label
_PREFIX: Final = "prometheus.io"
_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
_SCHEMES: Final = frozenset({"http", "https"})

Allowed = Callable[[str], bool]
"""Whether the objects of a namespace may be shown; of none, those of the cluster."""


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Addresses that share labels."""

    targets: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the caller may be shown."""

    pods: Allowed
    services: Allowed
    nodes: Allowed


def targets_of(snapshot: Snapshot, shown: Shown, *, own: str, scheme: str) -> Iterator[TargetGroup]:
    """List everything that is to be scraped.

    ``own`` is the address at which the server was asked, which stands for it where it is not
    registered; servers are asked by ``scheme``.
    """
    yield from _servers(snapshot, own, scheme)
    if shown.nodes(""):
        for _, node in sorted(snapshot.nodes.items()):
            yield from _agent(node)
    for key, pod in sorted(snapshot.pods.items()):
        if _opts_in(pod.metadata) and shown.pods(key.namespace):
            yield from _pod(pod)
    for key, service in sorted(snapshot.services.items()):
        if _opts_in(service.metadata) and shown.services(key.namespace):
            for slice_ in snapshot.slices_of(key):
                yield from _endpoints(service, slice_)


def _servers(snapshot: Snapshot, own: str, scheme: str) -> Iterator[TargetGroup]:
    """List the processes of Waypost that answer DNS; those with an API are asked for it."""
    has_server = False
    for key in sorted(snapshot.keys_in(POD.name, SYSTEM)):
        pod = snapshot.pods[key]
        port = next((each for each in _ports(pod) if each[0] == METRICS_PORT), None)
        if not DNS_LABELS.items() <= pod.metadata.labels.items() or port is None or not pod.pod_ips:
            continue
        is_server = SERVER_LABELS.items() <= pod.metadata.labels.items()
        has_server |= is_server
        role = "server" if is_server else "dns"
        yield TargetGroup(
            (_at(pod.pod_ips[0], port[1]),),
            {
                "__meta_waypost_role": role,
                "__scheme__": scheme if is_server else "http",
                "job": f"waypost-{role}",
                **_pod_labels(pod),
            },
        )
    if not has_server and own:
        labels = {"__meta_waypost_role": "server", "__scheme__": scheme, "job": "waypost-server"}
        yield TargetGroup((own,), labels)


def _agent(node: Node) -> Iterator[TargetGroup]:
    address = next((a.address for a in node.addresses if a.type == "InternalIP"), "")
    if not address or not _opts_in(node.metadata):
        return
    port = _port(node.metadata) or AGENT_PORT
    yield TargetGroup(
        (_at(address, port),),
        {
            "__meta_waypost_role": "agent",
            "job": "waypost-agent",
            "node": node.metadata.name,
            **_asked_how(node.metadata),
            **_meta("node", node.metadata),
            "__meta_kubernetes_node_address_InternalIP": address,
        },
    )


def _pod(pod: Pod) -> Iterator[TargetGroup]:
    """Give the port that a Pod names, or each that it declares."""
    named = _port(pod.metadata)
    ports = [("", named)] if named else list(_ports(pod))
    if not pod.pod_ips:
        return
    for name, port in ports:
        yield TargetGroup(
            (_at(pod.pod_ips[0], port),),
            {
                "__meta_waypost_role": "pod",
                **_asked_how(pod.metadata),
                **_pod_labels(pod),
                "__meta_kubernetes_pod_container_port_name": name,
                "__meta_kubernetes_pod_container_port_number": str(port),
            },
        )


def _endpoints(service: Service, slice_: EndpointSlice) -> Iterator[TargetGroup]:
    named = _port(service.metadata)
    ports = [EndpointPort(port=named)] if named else slice_.ports
    for port in ports:
        if port.port is None or port.protocol != Protocol.TCP:
            continue
        for endpoint in slice_.endpoints:
            yield TargetGroup(
                (_at(endpoint.addresses[0], port.port),),
                {
                    "__meta_waypost_role": "endpoint",
                    **_asked_how(service.metadata),
                    **_endpoint_labels(slice_, endpoint, port),
                    **_meta("service", service.metadata),
                },
            )


def _endpoint_labels(
    slice_: EndpointSlice, endpoint: Endpoint, port: EndpointPort
) -> Mapping[str, str]:
    kept = "__meta_kubernetes_endpointslice"
    conditions, target = endpoint.conditions, endpoint.target_ref
    labels = {
        "__meta_kubernetes_namespace": slice_.metadata.namespace,
        f"{kept}_name": slice_.metadata.name,
        f"{kept}_address_type": slice_.address_type,
        f"{kept}_port": str(port.port),
        f"{kept}_port_name": port.name,
        f"{kept}_port_protocol": port.protocol,
        f"{kept}_endpoint_conditions_ready": _truth(is_so=conditions.is_ready),
        f"{kept}_endpoint_conditions_serving": _truth(is_so=conditions.is_serving),
        f"{kept}_endpoint_conditions_terminating": _truth(is_so=conditions.is_terminating),
        f"{kept}_endpoint_hostname": endpoint.hostname,
        f"{kept}_endpoint_node_name": endpoint.node_name,
        f"{kept}_endpoint_zone": endpoint.zone,
    }
    if target is not None:
        labels[f"{kept}_address_target_kind"] = target.kind
        labels[f"{kept}_address_target_name"] = target.name
    return labels


def _pod_labels(pod: Pod) -> Mapping[str, str]:
    return {
        "__meta_kubernetes_namespace": pod.metadata.namespace,
        **_meta("pod", pod.metadata),
        "__meta_kubernetes_pod_ip": pod.pod_ips[0],
        "__meta_kubernetes_pod_node_name": pod.node_name,
        "__meta_kubernetes_pod_phase": pod.phase,
        "__meta_kubernetes_pod_ready": _truth(is_so=pod.is_ready),
        "__meta_kubernetes_pod_uid": pod.metadata.uid,
    }


def _meta(role: str, meta: ObjectMeta) -> Mapping[str, str]:
    """Give the name, the labels and the annotations of an object; a long annotation is left out."""
    prefix = f"__meta_kubernetes_{role}"
    labels = {f"{prefix}_name": meta.name}
    for kind, values in (("label", meta.labels), ("annotation", meta.annotations)):
        for name, value in values.items():
            if len(value) <= VALUE_CHARACTERS_MAX:
                labels[f"{prefix}_{kind}_{_label_name(name)}"] = value
                labels[f"{prefix}_{kind}present_{_label_name(name)}"] = "true"
    return labels


def _asked_how(meta: ObjectMeta) -> Mapping[str, str]:
    """Give the path and the scheme that an object asks for."""
    labels: dict[str, str] = {}
    if path := meta.annotations.get(f"{_PREFIX}/path", ""):
        labels["__metrics_path__"] = path if path.startswith("/") else f"/{path}"
    if (scheme := meta.annotations.get(f"{_PREFIX}/scheme", "")) in _SCHEMES:
        labels["__scheme__"] = scheme
    return labels


def _opts_in(meta: ObjectMeta) -> bool:
    return meta.annotations.get(f"{_PREFIX}/scrape") == "true"


def _port(meta: ObjectMeta) -> int | None:
    """Read the port that an object names; None without one, or with what is no port."""
    text = meta.annotations.get(f"{_PREFIX}/port", "")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(PORT_MAX))):
        return None
    return int(text) if 0 < int(text) <= PORT_MAX else None


def _ports(pod: Pod) -> Iterable[tuple[str, int]]:
    """List the TCP ports that a Pod declares, with their names."""
    for container in pod.lasting_containers:
        for port in container.ports:
            if port.protocol == Protocol.TCP:
                yield port.name, port.container_port


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _label_name(text: str) -> str:
    return _NAME.sub("_", text)


def _truth(*, is_so: bool) -> str:
    return "true" if is_so else "false"


def all_shown(_: str) -> bool:
    """Show everything, as without authentication."""
    return True
