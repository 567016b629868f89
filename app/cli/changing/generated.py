"""Objects that the words of ``create`` describe, without a manifest.

    ns dev | service clusterip ent --tcp 80:8080 | role reader --verb get … -> document

Source: kubectl `pkg/cmd/create/create_namespace.go`, `create_service.go`, `create_role.go` and
`create_rolebinding.go`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click

from app.cli.kinds import Kind, kind_named

_GROUP: Final = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Given:
    """The options that describe an object."""

    tcp: tuple[str, ...] = ()
    udp: tuple[str, ...] = ()
    cluster_ip: str = ""
    external_name: str = ""
    node_port: int | None = None
    verbs: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    role: str = ""
    cluster_role: str = ""
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()


def generated(words: Sequence[str], given: Given) -> tuple[Kind, dict[str, object]]:
    """Make the object of a kind; raises BadParameter."""
    if not words:
        raise click.BadParameter("which object? Name a file with -f, or a kind and a name")
    kind, rest = kind_named(words[0]), list(words[1:])
    make = _MAKERS.get(kind.name)
    if make is None:
        raise click.BadParameter(
            f"{kind.plural} are created from manifests, with -f; without one there are "
            f"{', '.join(name.lower() for name in _MAKERS)}"
        )
    type_ = ""
    if kind.name == "Service":
        types = ", ".join(_SERVICE_TYPES)
        if not rest or rest[0].lower() not in _SERVICE_TYPES:
            raise click.BadParameter(f"of which type? One of {types}, then the name")
        type_ = _SERVICE_TYPES[rest.pop(0).lower()]
    if len(rest) != 1:
        raise click.BadParameter(f"exactly one NAME is required, got {len(rest)}")
    head = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": rest[0]}}
    return kind, {**head, **make(rest[0], type_, given)}


def _namespace(_: str, __: str, ___: Given) -> dict[str, object]:
    return {}


def _service(name: str, type_: str, given: Given) -> dict[str, object]:
    pairs = [("TCP", each) for each in given.tcp] + [("UDP", each) for each in given.udp]
    ports = [_port(protocol, text, given.node_port) for protocol, text in pairs]
    spec: dict[str, object] = {"type": type_, "selector": {"app": name}}
    if type_ == "ExternalName":
        if not given.external_name:
            raise click.BadParameter("--external-name is required")
        spec = {"type": type_, "externalName": given.external_name}
    elif not ports and given.cluster_ip != "None":
        raise click.BadParameter("at least one --tcp or --udp port is required")
    if given.cluster_ip:
        spec["clusterIP"] = given.cluster_ip
    return {"spec": {**spec, "ports": ports} if ports else spec}


def _port(protocol: str, text: str, node_port: int | None) -> dict[str, object]:
    port, colon, target = text.partition(":")
    if not port.isascii() or not port.isdecimal():
        raise click.BadParameter(f"{text!r} is not PORT or PORT:TARGET")
    reached: object = int(target) if target.isdecimal() else target
    made: dict[str, object] = {
        "name": f"{port}-{target}" if colon else port,
        "port": int(port),
        "protocol": protocol,
        "targetPort": reached if colon else int(port),
    }
    return {**made, "nodePort": node_port} if node_port else made


def _role(_: str, __: str, given: Given) -> dict[str, object]:
    if not given.verbs or not given.resources:
        raise click.BadParameter("at least one --verb and one --resource are required")
    by_group: dict[str, list[str]] = {}
    for resource in _parts(given.resources):
        word, slash, subresource = resource.partition("/")
        if word == "*":
            by_group.setdefault("*", []).append(resource)
            continue
        kind = kind_named(word)
        by_group.setdefault(kind.group, []).append(f"{kind.plural}{slash}{subresource}")
    rule = {"verbs": _parts(given.verbs)}
    names = {"resourceNames": _parts(given.resource_names)} if given.resource_names else {}
    return {
        "rules": [
            {**rule, "apiGroups": [group], "resources": resources, **names}
            for group, resources in by_group.items()
        ]
    }


def _binding(_: str, __: str, given: Given) -> dict[str, object]:
    if bool(given.role) == bool(given.cluster_role):
        raise click.BadParameter("exactly one of --clusterrole or --role must be specified")
    kind = "Role" if given.role else "ClusterRole"
    subjects: list[dict[str, str]] = [
        {"kind": kind_, "apiGroup": _GROUP, "name": name}
        for kind_, names in (("User", given.users), ("Group", given.groups))
        for name in names
    ]
    for account in given.service_accounts:
        namespace, colon, name = account.partition(":")
        if not (colon and namespace and name):
            raise click.BadParameter("serviceaccount must be <namespace>:<name>")
        subjects.append({"kind": "ServiceAccount", "namespace": namespace, "name": name})
    reference = {"apiGroup": _GROUP, "kind": kind, "name": given.role or given.cluster_role}
    return {"roleRef": reference, "subjects": subjects}


def _parts(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(part for word in words for part in word.split(",") if part))


_SERVICE_TYPES: Final = {
    each.lower(): each for each in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
}
_MAKERS: Final[Mapping[str, Callable[[str, str, Given], dict[str, object]]]] = {
    "Namespace": _namespace,
    "Service": _service,
    "Role": _role,
    "ClusterRole": _role,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
}
