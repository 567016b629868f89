"""What should be registered of the containers of one engine.

    containers, stopping ones, Place -> Services, Pods, those that terminate, and problems

A pure function: the same containers in any order give the same manifests.  One that cannot be
registered is a problem, and keeps no other from being registered.
"""

import hashlib
import json
import re
from collections.abc import Container as Holding
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.domain.labels import key_problems, value_problems
from app.domain.names import LABEL_LENGTH_MAX, NamespacedName, label_problems
from app.registrar.docker.containers import (
    OURS,
    PROJECT_LABEL,
    SERVICE_LABEL,
    Container,
    Health,
    is_followed,
)
from app.registrar.docker.ports import ContainerPort, Unregistrable, ports_of
from waypost.client.leases import LEASE_S
from waypost.client.paths import DEFAULT_NAMESPACE

REGISTRAR_LABEL: Final = "waypost/registrar"
"""The label of what a registrar has made, with the registrar's name."""
SERVICE_OF_POD_LABEL: Final = "waypost/service"
DIGEST: Final = "waypost/desired"
"""The annotation of a manifest's digest, by which a restarted registrar finds that it is equal."""
ENDING_S: Final = 5  # that the engine takes to end a container, after it has killed it
_DIGEST_CHARACTERS: Final = 16
_TOLD_APART_CHARACTERS: Final = 8
_NOT_OF_A_LABEL: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the containers are."""

    registrar: str
    """The registrar's name, a DNS label: the machine's."""
    namespace: str = DEFAULT_NAMESPACE
    networks: tuple[str, ...] = ()
    """Networks whose addresses are preferred, in this order: those that the registrar is in."""
    addresses: tuple[str, ...] = ()
    """The machine's, for containers in its own network."""
    node: str = ""
    lease_s: int = LEASE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What should be registered."""

    services: Mapping[NamespacedName, dict[str, Any]] = field(
        default_factory=dict[NamespacedName, dict[str, Any]]
    )
    pods: Mapping[NamespacedName, dict[str, Any]] = field(
        default_factory=dict[NamespacedName, dict[str, Any]]
    )
    terminating: Mapping[NamespacedName, int] = field(default_factory=dict[NamespacedName, int])
    """Pods that should get no new connections, and for how many seconds they may stay."""
    problems: tuple[str, ...] = ()


def desired_of(containers: Iterable[Container], stopping: Holding[str], place: Place) -> Desired:
    """Compute what should be registered; ``stopping`` are the ids of containers that stop."""
    services: dict[NamespacedName, dict[str, Any]] = {}
    projects: dict[NamespacedName, str] = {}
    pods: dict[NamespacedName, dict[str, Any]] = {}
    terminating: dict[NamespacedName, int] = {}
    problems: list[str] = []
    for container in sorted(containers, key=lambda each: (each.name, each.id)):
        if not container.is_running or not is_followed(container.labels):
            continue
        try:
            service, ports = _service_of(container, place, projects)
            pod = _pod_of(container, service, ports, place)
        except Unregistrable as problem:
            problems.append(f"container {container.name}: {problem}")
            continue
        services.setdefault(service, _manifest_of(service, ports, place))
        key = NamespacedName(service.namespace, pod["metadata"]["name"])
        pods[key] = _digested(pod)
        if container.id in stopping:
            terminating[key] = container.stop_s + ENDING_S
    return Desired(services=services, pods=pods, terminating=terminating, problems=tuple(problems))


_OF_ANOTHER: Final = (
    "the Service {} is made of {}; the label waypost.service names another, "
    "waypost.namespace another namespace"
)


def _service_of(
    container: Container, place: Place, projects: dict[NamespacedName, str]
) -> tuple[NamespacedName, tuple[ContainerPort, ...]]:
    """Give the Service of a container and its ports; note of which service of compose it is."""
    service, origin = _named(container, place)
    ports = ports_of(container)
    if projects.setdefault(service, origin) != origin:
        other = projects[service] or "others with its name as a label"
        raise Unregistrable(_OF_ANOTHER.format(service, other))
    return service, ports


def _named(container: Container, place: Place) -> tuple[NamespacedName, str]:
    labels = container.labels
    namespace = labels.get(f"{OURS}namespace") or place.namespace
    name, origin = labels.get(f"{OURS}service", ""), ""
    if not name:
        origin = f"{labels.get(PROJECT_LABEL, '')}/{labels[SERVICE_LABEL]}"
        name = _spelled(labels[SERVICE_LABEL])  # which two may share: that is found below
        name = name if name[:1].isalpha() else f"s-{name}"
    for each in (name, namespace):
        if problems := label_problems(each):
            raise Unregistrable(f"{each!r} is no name: it {problems[0]}")
    if not name[0].isalpha():
        raise Unregistrable(f"{name!r} is no name of a Service: it must begin with a letter")
    return NamespacedName(namespace, name), origin


def label_of(name: str) -> str:
    """Make a DNS label of any name; what is no label as it is gets a digest that tells it apart."""
    label = _spelled(name)
    if name and label == name and len(label) <= LABEL_LENGTH_MAX:
        return label
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    digest = digest[:_TOLD_APART_CHARACTERS]
    start = label[: LABEL_LENGTH_MAX - _TOLD_APART_CHARACTERS - 1].rstrip("-")
    return f"{start}-{digest}" if start else digest


def _spelled(name: str) -> str:
    return _NOT_OF_A_LABEL.sub("-", name.lower()).strip("-")


def _manifest_of(
    key: NamespacedName, ports: tuple[ContainerPort, ...], place: Place
) -> dict[str, Any]:
    """Make the Service; one without ports is headless."""
    spec: dict[str, Any] = {"selector": {SERVICE_OF_POD_LABEL: key.name}}
    if ports:
        spec["ports"] = [port.of_service() for port in ports]
    else:
        spec["clusterIP"] = "None"
    return _digested(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "labels": {REGISTRAR_LABEL: place.registrar},
            },
            "spec": spec,
        }
    )


def _pod_of(
    container: Container, service: NamespacedName, ports: tuple[ContainerPort, ...], place: Place
) -> dict[str, Any]:
    spec: dict[str, Any] = {"leaseDurationSeconds": place.lease_s}
    if place.node:
        spec["nodeName"] = place.node
    if ports:
        spec["containers"] = [{"name": "container", "ports": [port.of_pod() for port in ports]}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{label_of(container.name)}.{place.registrar}",
            "namespace": service.namespace,
            "labels": {
                **_labels_of(container),
                SERVICE_OF_POD_LABEL: service.name,
                REGISTRAR_LABEL: place.registrar,
            },
            "annotations": {"waypost/container": container.id},
        },
        "spec": spec,
        "status": {
            "podIPs": [{"ip": address} for address in addresses_of(container, place)],
            "conditions": [_ready(container)],
        },
    }


def _labels_of(container: Container) -> dict[str, str]:
    """Read ``waypost.labels``, such as ``app=web,tier=front``."""
    given = container.labels.get(f"{OURS}labels", "")
    labels: dict[str, str] = {}
    for each in filter(None, given.split(",")):
        key, equals, value = each.strip().partition("=")
        if not equals or key_problems(key) or value_problems(value):
            raise Unregistrable(f"{each!r} in its label waypost.labels is no label KEY=VALUE")
        labels[key] = value
    return labels


def addresses_of(container: Container, place: Place) -> tuple[str, ...]:
    """Choose the network by which a container is reached; raises Unregistrable.

    The label ``waypost.network`` names it; else it is one that the registrar is in, too; else the
    first by name.
    """
    if container.is_in_host_network:
        if not place.addresses:
            raise Unregistrable("it has the machine's network, and --address is not given")
        return place.addresses
    if named := container.labels.get(f"{OURS}network", ""):
        if named not in container.networks:
            known = ", ".join(sorted(container.networks)) or "none"
            raise Unregistrable(f"it has no address in the network {named}; it has in: {known}")
        return container.networks[named]
    shared = [each for each in place.networks if each in container.networks]
    chosen = [*shared, *sorted(container.networks)]
    if not chosen:
        raise Unregistrable("it has no address in any network")
    return container.networks[chosen[0]]


def _ready(container: Container) -> dict[str, str]:
    """Give the Ready condition: the health check's, and without one that it runs."""
    if container.is_paused:
        return {"type": "Ready", "status": "False", "reason": "Paused", "message": "it is paused"}
    match container.health:
        case Health.NONE:
            return {"type": "Ready", "status": "True", "reason": "Running"}
        case Health.HEALTHY:
            return {"type": "Ready", "status": "True", "reason": "Healthy"}
        case Health.STARTING | Health.UNHEALTHY as health:
            message = f"its health check says {health}"
            return {
                "type": "Ready",
                "status": "False",
                "reason": health.capitalize(),
                "message": message,
            }


def _digested(manifest: dict[str, Any]) -> dict[str, Any]:
    written = json.dumps(manifest, sort_keys=True).encode()
    digest = hashlib.sha256(written).hexdigest()[:_DIGEST_CHARACTERS]
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), DIGEST: digest}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
