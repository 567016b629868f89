r"""The ``fieldSelector`` of a query: which objects have certain values in certain fields.

    "spec.type=NodePort,metadata.name!=web", kind -> FieldSelector
    FieldSelector, object -> matches or not

Each kind offers a few paths; the others are refused.  A backslash escapes
``\``, ``,`` and ``=`` in values.  Source: spec kubernetes-api 4.4.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from app.domain.addresses import canonical
from app.domain.errors import BadRequest
from app.domain.objects.kinds import Kind, Object
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service

Values = tuple[str, ...]
"""What a field holds: one value, or for a list each of them."""

_SIGNS = ("!=", "==", "=")
_ALIASES = {("Pod", "spec.host"): "spec.nodeName"}


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """One condition: ``operator`` is ``=`` or ``!=``."""

    field: str
    operator: str
    value: str

    def matches(self, registered: Object) -> bool:
        """Whether the object's field has the value, or for ``!=`` has not."""
        value = canonical(self.value) if self.field in _ADDRESS_FIELDS else self.value
        return (value in _values_of(registered, self.field)) == (self.operator == "=")


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Conditions, all of which must hold; without any, everything matches."""

    terms: tuple[Term, ...] = ()

    def matches(self, registered: Object) -> bool:
        """Whether an object of the selector's kind meets every condition."""
        return all(term.matches(registered) for term in self.terms)

    def index_terms(self, kind: Kind) -> Iterator[tuple[str, ...]]:
        """List entries of the snapshot's index under which every match is found."""
        for term in self.terms:
            if term.operator != "=" or not term.value:
                continue
            if term.field == "metadata.namespace":
                yield (kind.name, term.value)
            elif term.field == "spec.nodeName":
                yield ("pod-node", term.value)
            elif term.field in ("status.podIP", "status.podIPs"):
                yield ("pod-ip", canonical(term.value))
            elif term.field == "spec.clusterIP" and term.value != "None":
                yield ("address", canonical(term.value))


def parse_field_selector(text: str, kind: str) -> FieldSelector:
    """Read a selector for objects of a kind; the terms come sorted.

    Raises BadRequest for text that is not of the grammar and for a path that the
    kind does not offer.
    """
    terms = {_parse_term(part, text, kind) for part in _split(text) if part}
    return FieldSelector(tuple(sorted(terms)))


def _split(text: str) -> Iterator[str]:
    start = position = 0
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == ",":
            yield text[start:position]
            start = position + 1
        position += 1
    yield text[start:]


def _parse_term(part: str, text: str, kind: str) -> Term:
    places = [(part.find(sign), -len(sign), sign) for sign in _SIGNS if sign in part]
    if not places:
        raise BadRequest(f"invalid field selector {text!r}: can't understand {part!r}")
    place, _, sign = min(places)
    path = _ALIASES.get((kind, part[:place]), part[:place])
    if path not in _PATHS[kind]:
        raise BadRequest(f"field label not supported: {path!r} of a {kind}")
    value = _unescaped(part[place + len(sign) :], text)
    return Term(path, "!=" if sign == "!=" else "=", value)


def _unescaped(value: str, text: str) -> str:
    result, position = "", 0
    while position < len(value):
        letter = value[position]
        if letter == "\\":
            position += 1
            letter = value[position : position + 1]
            if not letter or letter not in "\\,=":
                raise BadRequest(f"invalid field selector {text!r}: invalid escape sequence")
        elif letter == "=":
            raise BadRequest(f"invalid field selector {text!r}: '=' in a value must be escaped")
        result += letter
        position += 1
    return result


def _values_of(registered: Object, field: str) -> Values:
    match registered:
        case Service() if field in _SERVICE_FIELDS:
            return _SERVICE_FIELDS[field](registered)
        case Pod() if field in _POD_FIELDS:
            return _POD_FIELDS[field](registered)
        case Node() if field in _NODE_FIELDS:
            return _NODE_FIELDS[field](registered)
        case Namespace() if field in _NAMESPACE_FIELDS:
            return _NAMESPACE_FIELDS[field](registered)
        case _:
            return _METADATA_FIELDS[field](registered)


def _truth(*, value: bool) -> Values:
    return ("true" if value else "false",)


_METADATA_FIELDS: Mapping[str, Callable[[Object], Values]] = {
    "metadata.name": lambda registered: (registered.metadata.name,),
    "metadata.namespace": lambda registered: (registered.metadata.namespace,),
}
_SERVICE_FIELDS: Mapping[str, Callable[[Service], Values]] = {
    "spec.clusterIP": lambda service: (canonical(service.cluster_ip),),
    "spec.type": lambda service: (service.type,),
}
_POD_FIELDS: Mapping[str, Callable[[Pod], Values]] = {
    "spec.nodeName": lambda pod: (pod.node_name,),
    "spec.restartPolicy": lambda pod: (pod.restart_policy,),
    "spec.schedulerName": lambda pod: (pod.scheduler_name,),
    "spec.serviceAccountName": lambda pod: (pod.service_account_name,),
    "spec.hostNetwork": lambda pod: _truth(value=pod.host_network),
    "status.phase": lambda pod: (pod.phase,),
    "status.podIP": lambda pod: (canonical(pod.pod_ips[0]),) if pod.pod_ips else ("",),
    "status.podIPs": lambda pod: tuple(canonical(ip) for ip in pod.pod_ips) or ("",),
    "status.nominatedNodeName": lambda pod: (pod.nominated_node_name,),
}
_NODE_FIELDS: Mapping[str, Callable[[Node], Values]] = {
    "spec.unschedulable": lambda node: _truth(value=node.is_unschedulable),
}
_NAMESPACE_FIELDS: Mapping[str, Callable[[Namespace], Values]] = {
    "status.phase": lambda namespace: (namespace.phase,),
}
_ADDRESS_FIELDS = frozenset({"spec.clusterIP", "status.podIP", "status.podIPs"})
_METADATA = frozenset(_METADATA_FIELDS)
_PATHS: Mapping[str, frozenset[str]] = {
    "Service": _METADATA | _SERVICE_FIELDS.keys(),
    "Pod": _METADATA | _POD_FIELDS.keys(),
    "Node": frozenset({"metadata.name"}) | _NODE_FIELDS.keys(),
    "Namespace": frozenset({"metadata.name"}) | _NAMESPACE_FIELDS.keys(),
    "EndpointSlice": _METADATA,
    "ServiceCIDR": _METADATA,
}
