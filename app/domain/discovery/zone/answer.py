"""The answer of the cluster zone to a question.

    (Snapshot, Question, ZoneConfig) -> Records | NoData | NoSuchName | OutOfZone

A name exists when it owns records or has names below it; otherwise it is denied as a
whole (RFC 8020).  Where CoreDNS departs from the RFCs, the RFCs are followed.  Bytes,
sizes and upstream servers are not known here.

Source: spec dns A1 to A4 and A7; RFC 1034 section 4.3.2, RFC 2308, RFC 6604.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from app.domain.addresses import parse_address
from app.domain.discovery.zone import authority, reverse
from app.domain.discovery.zone.config import PodRecords, ZoneConfig, is_reverse
from app.domain.discovery.zone.parse import (
    Apex,
    Branch,
    EndpointNode,
    Nameserver,
    NamespaceNode,
    Node,
    PodNode,
    PortNode,
    ProtocolNode,
    ServiceNode,
    ServicePart,
    Version,
    parse,
)
from app.domain.discovery.zone.pod_records import pod_address
from app.domain.discovery.zone.records import (
    TYPE_ANY,
    NoData,
    NoSuchName,
    Outcome,
    OutOfZone,
    Question,
    Record,
    Records,
    RecordType,
    address_record,
)
from app.domain.discovery.zone.service_records import (
    Found,
    Zone,
    at_endpoint,
    at_port,
    at_service,
    has_protocol,
)
from app.domain.names import DomainName, MalformedName, NamespacedName, parse_domain
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

CHAIN_MAX = 10  # aliases followed in one answer
_MATCHED_BY_CNAME = (RecordType.CNAME, TYPE_ANY)


def answer(snapshot: Snapshot, question: Question, config: ZoneConfig) -> Outcome:
    """Answer one question of class IN from the state at one revision."""
    outcome = _own_answer(snapshot, question, config)
    if _target(outcome, question.type) is None:
        return outcome
    return _followed(snapshot, question, config, outcome)


def _own_answer(snapshot: Snapshot, question: Question, config: ZoneConfig) -> Outcome:
    """Find the records of the name itself; an alias owns its CNAME for every type."""
    home = config.zone_of(question.name)
    if home is None:
        return OutOfZone()
    depth = len(question.name.labels) - len(home.labels)
    zone = Zone(snapshot, DomainName(question.name.labels[depth:]), config)
    found = _lookup(zone, question)
    if found is not None and found.answers:
        return Records(answers=found.answers, additional=found.additional)
    if found is None and home in config.fallthrough:
        return OutOfZone()
    soa = authority.soa(snapshot.revision, zone.apex, config)
    return NoSuchName(soa=soa) if found is None else NoData(soa=soa)


def _followed(
    snapshot: Snapshot, question: Question, config: ZoneConfig, outcome: Outcome
) -> Outcome:
    """Follow an alias, whose own answer is ``outcome``, as long as targets are in our zones.

    RFC 1034 section 4.3.2, step 3a: the CNAME is in the answer even if its target
    fails.  A loop ends at its first repeated name, a long chain at its bound.
    """
    chain: tuple[Record, ...] = ()
    name, via = question.name, [question.name]
    while isinstance(outcome, Records) and (target := _target(outcome, question.type)) is not None:
        if len(chain) == CHAIN_MAX:
            return Records(answers=chain, via=tuple(via))
        chain = (*chain, *outcome.answers)
        if target in via:
            return Records(answers=chain, via=tuple(via))
        name = target
        via.append(name)
        outcome = _own_answer(snapshot, Question(name, question.type), config)
    match outcome:
        case Records():
            return replace(outcome, answers=(*chain, *outcome.answers), via=tuple(via))
        case NoData() | NoSuchName():
            return replace(outcome, chain=chain, via=tuple(via))
        case OutOfZone():
            return Records(answers=chain, leads_to=name, via=tuple(via))


def _target(outcome: Outcome, type_: int) -> DomainName | None:
    """Find the next name to look up; None when the question is answered.

    RFC 1034 section 3.6.2: a question that the CNAME itself matches is answered with it.  That
    includes type ANY, which may be answered with one RRset (RFC 8482 section 4.1).
    """
    if type_ in _MATCHED_BY_CNAME:
        return None
    match outcome:
        case Records(answers=(*_, Record(type=RecordType.CNAME, content=DomainName() as target))):
            return target
        case _:
            return None


def _lookup(zone: Zone, question: Question) -> Found | None:
    labels = question.name.folded[: -len(zone.apex.labels)]
    if is_reverse(zone.apex):
        return _at_apex(zone, question.type) if not labels else _at_reverse(zone, question)
    node = parse(labels)
    return None if node is None else _at_node(zone, node, question)


def _at_node(zone: Zone, node: Node, question: Question) -> Found | None:
    match node:
        case Apex():
            return _at_apex(zone, question.type)
        case Branch():
            return Found()
        case Version():
            is_asked = question.type == RecordType.TXT
            return Found((authority.version(question.name),) if is_asked else ())
        case Nameserver():
            own = (
                address_record(question.name, zone.config.ttl_s, address)
                for address in zone.config.nameserver_addresses
            )
            return Found(tuple(record for record in own if record.type == question.type))
        case NamespaceNode() | PodNode():
            return _at_namespace(zone, node, question)
        case ServiceNode() | EndpointNode() | ProtocolNode() | PortNode():
            return _at_service_part(zone, node, question)


def _at_apex(zone: Zone, type_: int) -> Found:
    if type_ == RecordType.SOA:
        return Found((authority.soa(zone.snapshot.revision, zone.apex, zone.config),))
    if type_ == RecordType.NS:
        return authority.nameservers(zone)
    return Found()


def _at_namespace(zone: Zone, node: NamespaceNode | PodNode, question: Question) -> Found | None:
    pods = zone.config.pods
    is_pod = isinstance(node, PodNode) or node.is_pod
    if not _has_namespace(zone, node.namespace) or (is_pod and pods == PodRecords.DISABLED):
        return None
    if isinstance(node, NamespaceNode):
        return Found()
    address = pod_address(zone.snapshot, node.namespace, node.label, pods)
    if address is None:
        return None
    record = address_record(question.name, zone.config.ttl_s, address)
    return Found((record,) if record.type == question.type else ())


def _at_service_part(zone: Zone, node: ServicePart, question: Question) -> Found | None:
    service = _service(zone, node.key)
    if service is None:
        return None
    asked = (question.name, question.type)
    if service.is_external_name:
        return _at_alias(zone, service, node, question)
    match node:
        case ServiceNode():
            return at_service(zone, service, *asked)
        case EndpointNode():
            return at_endpoint(zone, service, node.label, asked)
        case PortNode():
            return at_port(zone, service, (node.port, node.protocol), asked)
        case ProtocolNode():
            return Found() if has_protocol(zone, service, node.protocol) else None


def _at_alias(zone: Zone, service: Service, node: ServicePart, question: Question) -> Found | None:
    target = _alias_target(service)
    if target is None or not isinstance(node, ServiceNode):
        return None
    return Found((Record(question.name, RecordType.CNAME, zone.config.ttl_s, target),))


def alias_record(zone: Zone, service: Service) -> Record | None:
    """Make the CNAME of an ExternalName Service; None when its external name is not a name."""
    target = _alias_target(service)
    owner = zone.service_name(service.metadata.key)
    return target and Record(owner, RecordType.CNAME, zone.config.ttl_s, target)


def _at_reverse(zone: Zone, question: Question) -> Found | None:
    place = reverse.parse_reverse(question.name)
    match place:
        case None:
            return None
        case IPv4Address() | IPv6Address():
            names = reverse.targets_of(zone.snapshot, place)
        case IPv4Network() | IPv6Network():
            # In a zone with fallthrough upstreams may have names below, so nothing is denied.
            is_ours = zone.config.zone_of(question.name) not in zone.config.fallthrough
            return Found() if is_ours and reverse.has_names_below(zone.snapshot, place) else None
    if question.type != RecordType.PTR:
        return Found() if names else None
    forward, ttl_s = zone.config.forward_zone.labels, zone.config.ttl_s
    targets = (DomainName((*labels, "svc", *forward)) for labels in names)
    records = (Record(question.name, RecordType.PTR, ttl_s, target) for target in targets)
    return Found(tuple(records)) if names else None


def _service(zone: Zone, key: NamespacedName) -> Service | None:
    return zone.snapshot.services.get(key) if _has_namespace(zone, key.namespace) else None


def _has_namespace(zone: Zone, namespace: str) -> bool:
    return NamespacedName("", namespace) in zone.snapshot.namespaces


def _alias_target(service: Service) -> DomainName | None:
    """Parse the target of an ExternalName Service; an address is no name (spec dns A3)."""
    text = service.external_name
    if not service.is_external_name or parse_address(text.removesuffix(".")) is not None:
        return None
    try:
        return parse_domain(text)
    except MalformedName:
        return None
