"""Codec of a node's rules: JSON of the rules, and the kernel state from that JSON.

    IPVSRules -> JSON that ``NodeRules`` describes -> IPVSState
    NodeRules, text for nft -> JSON that ``NftablesRules`` describes

A node may have a hundred thousand real servers, so virtual servers are encoded as
text directly, without building objects first.
"""

from functools import lru_cache
from json.encoder import JSONEncoder
from json.encoder import encode_basestring as quoted
from typing import Final

from app.domain.dataplane.ipvs import virtual_server as servers
from app.domain.dataplane.ipvs.operations import IPVSState, held_set
from app.domain.dataplane.ipvs.state import IPVSRules
from app.domain.dataplane.rules import model
from app.domain.dataplane.rules.health_checks import health_checks
from app.domain.objects.service import ServicePortName
from app.schemas.rules.health_checks import encode_health_checks
from app.schemas.rules.models import CONFLICT, IPSET, NETFILTER, NOTICE, Backend, NodeRules

dump: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Writes compact JSON."""
_SETTINGS_REMEMBERED_MAX = 1_024  # cached settings of virtual servers


def encode_rules(
    rules: IPVSRules, *, backend: Backend = Backend.IPVS, nftables: str | None = None
) -> str:
    """Encode all rules of a node."""
    neutral = rules.rules
    fields = {
        "kind": ['"NodeRules"'],
        "node": [dump(neutral.node)],
        "resourceVersion": [dump(str(neutral.revision))],
        "backend": [dump(backend.value)],
        "nodeEligible": [dump(neutral.is_eligible)],
        "dummyInterface": [
            dump({"name": model.DUMMY_INTERFACE, "addresses": list(rules.addresses)})
        ],
        "sysctls": [dump(dict(rules.sysctls))],
        "virtualServers": _array([_virtual_server(*served) for served in rules.served]),
        "ipsets": _array([dump(IPSET.write(each)) for each in rules.ipsets]),
        "netfilters": _array([dump(NETFILTER.write(each)) for each in rules.netfilters]),
        "healthCheckNodePorts": [dump(_health_checks(neutral))],
        "noLocalEndpoints": [dump(_no_local_endpoints(neutral))],
        "conflicts": [dump([CONFLICT.write(each) for each in neutral.conflicts])],
        "notices": [dump([NOTICE.write(each) for each in neutral.notices])],
    }
    if nftables is not None:
        fields["nftables"] = [dump(nftables)]
    # One join at the end, so that ten million characters are copied only once.
    pieces: list[str] = []
    for name, value in fields.items():
        pieces += (f'{"," if pieces else "{"}"{name}":', *value)
    return "".join([*pieces, "}"])


def encode_text(rules: model.NodeRules, text: str) -> str:
    """Encode all rules of a node in nftables mode."""
    return dump(
        {
            "kind": "NodeText",
            "node": rules.node,
            "resourceVersion": str(rules.revision),
            "nodeEligible": rules.is_eligible,
            "healthCheckNodePorts": _health_checks(rules),
            "text": text,
        }
    )


def decode_state(rules: NodeRules) -> IPVSState:
    """Give the kernel state of a node to which the rules have been applied."""
    return IPVSState(
        sysctls=dict(rules.sysctls),
        has_interface=True,
        addresses=frozenset(rules.dummy_interface.addresses),
        ipsets={each.name: held_set(each) for each in rules.ipsets},
        netfilters={each.family: each for each in rules.netfilters},
        servers={served.server.key: served.server for served in rules.virtual_servers},
    )


def _virtual_server(name: ServicePortName, server: servers.VirtualServer) -> str:
    key = server.key
    (namespace, service), port_name, _ = name
    return (
        f'{{"address":"{key.address}","port":{key.port},"protocol":"{key.protocol}"'
        f"{_settings(server.scheduler, server.flags, server.persistence_s)}"
        f',"service":{{"namespace":{quoted(namespace)},"name":{quoted(service)}}}'
        f',"portName":{quoted(port_name)},"realServers":[{_real_servers(server.real_servers)}]}}'
    )


@lru_cache(maxsize=_SETTINGS_REMEMBERED_MAX)
def _settings(scheduler: str, flags: tuple[str, ...], persistence_s: int | None) -> str:
    return (
        f',"scheduler":{dump(scheduler)},"flags":{dump(flags)}'
        f',"persistenceTimeoutSeconds":{dump(persistence_s)}'
    )


def _real_servers(destinations: tuple[model.Destination, ...]) -> str:
    """Encode real servers; a single join if they differ in their addresses only, as most do."""
    if not destinations:
        return ""
    addresses, ports, weights = zip(*destinations, strict=True)
    port, weight = ports[0], weights[0]
    if ports.count(port) == weights.count(weight) == len(destinations):
        ending = _ending(port, weight)
        between = f'{ending},{{"address":"'
        return f'{{"address":"{between.join(addresses)}{ending}'
    return ",".join([f'{{"address":"{at}{_ending(*how)}' for at, *how in destinations])


def _ending(port: int, weight: int) -> str:
    return f'","port":{port},"weight":{weight},"forwarding":"masquerade"}}'


def _array(elements: list[str]) -> list[str]:
    """Encode an array as pieces of text."""
    pieces = [","] * (2 * len(elements) - 1)
    pieces[::2] = elements
    return ["[", *pieces, "]"]


def _health_checks(rules: model.NodeRules) -> list[dict[str, object]]:
    return encode_health_checks(health_checks(rules.services, rules.families))


def _no_local_endpoints(rules: model.NodeRules) -> dict[str, object]:
    internal: dict[str, None] = {}
    external: dict[str, None] = {}
    for service in rules.services:
        for port in service.ports:
            if port.lacks_internal_local:
                internal[str(service.service)] = None
            if port.lacks_external_local:
                external[str(service.service)] = None
    return {"internal": list(internal), "external": list(external)}
