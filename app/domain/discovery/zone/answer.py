"""The answer of the cluster zone to a question.

    (Snapshot, Question, ZoneConfig) -> Records | NoData | NoSuchName | OutOfZone

A name exists when it owns records or has names below it; otherwise it is denied as a
whole (RFC 8020).  Where CoreDNS departs from the RFCs, the RFCs are followed.  Bytes,
sizes and upstream servers are not known here.

Source: spec dns A1 to A4 and A7; RFC 1034 section 4.3.2, RFC 2308, RFC 6604.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from app.domain.addresses import Address, Prefix, parse_address
from app.domain.discovery.zone import authority
from app.domain.discovery.zone.config import PodRecords, ZoneConfig, is_reverse
from app.domain.discovery.zone.parse import (
    EndpointNode,
    Fixed,
    NamespaceNode,
    Node,
    PodNode,
    PortNode,
    ProtocolNode,
    ServiceNode,
    ServicePart,
    parse,
    parse_dashed,
    parse_reverse,
)
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
)
from app.domain.discovery.zone.service_records import (
    Found,
    Zone,
    at_endpoint,
    at_port,
    at_service,
    has_protocol,
    published_at,
)
from app.domain.names import DomainName, MalformedName, parse_domain
from app.domain.objects.pod import Pod, PodPhase
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

CHAIN_MAX = 10  # aliases followed in one answer
_PROBED_MAX = 256  # addresses looked up one by one; for more a scan of the index is cheaper
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
    spelt = question.name.labels[depth:]
    zone = Zone(snapshot, home if spelt == home.labels else DomainName(spelt), config)
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
        case Fixed.APEX:
            return _at_apex(zone, question.type)
        case Fixed.BRANCH:
            return Found()
        case Fixed.VERSION:
            is_asked = question.type == RecordType.TXT
            return Found((authority.version(question.name),) if is_asked else ())
        case Fixed.NAMESERVER:
            own = (zone.address(question.name, each) for each in zone.config.nameserver_addresses)
            return Found(tuple(record for record in own if record.type == question.type))
        case NamespaceNode() | PodNode():
            return _at_namespace(zone, node, question)
        case _:
            return _at_service_part(zone, node, question)


def _at_apex(zone: Zone, type_: int) -> Found:
    if type_ == RecordType.SOA:
        return Found((authority.soa(zone.snapshot.revision, zone.apex, zone.config),))
    if type_ == RecordType.NS:
        return authority.nameservers(zone)
    return Found()


def _at_namespace(zone: Zone, node: NamespaceNode | PodNode, question: Question) -> Found | None:
    is_pod = isinstance(node, PodNode) or node.is_pod
    is_disabled = is_pod and zone.config.pods == PodRecords.DISABLED
    if is_disabled or not zone.has_namespace(node.namespace):
        return None
    if isinstance(node, NamespaceNode):
        return Found()
    address = _pod_address(zone, node)
    if address is None:
        return None
    record = zone.address(question.name, address)
    return Found((record,) if record.type == question.type else ())


def _pod_address(zone: Zone, node: PodNode) -> Address | None:
    """Find the address of a Pod name; None when the name does not exist."""
    address = parse_dashed(node.label)
    if address is None or zone.config.pods != PodRecords.VERIFIED:
        return address
    holders = zone.snapshot.pods_with(str(address))
    return address if any(_is_named(pod, node.namespace) for pod in holders) else None


def _is_named(pod: Pod, namespace: str) -> bool:
    # Finished, unknown and terminating Pods have no name.
    return (
        pod.metadata.namespace == namespace
        and not pod.metadata.is_terminating
        and not pod.is_finished
        and pod.phase != PodPhase.UNKNOWN
    )


def _at_service_part(zone: Zone, node: ServicePart, question: Question) -> Found | None:
    service = zone.service(node.key)
    if service is None:
        return None
    asked = (question.name, question.type)
    if service.is_external_name:
        is_own = isinstance(node, ServiceNode)
        alias = alias_record(zone, service, question.name) if is_own else None
        return None if alias is None else Found((alias,))
    match node:
        case ServiceNode():
            return at_service(zone, service, asked)
        case EndpointNode():
            return at_endpoint(zone, service, node.label, asked)
        case PortNode():
            return at_port(zone, service, (node.port, node.protocol), asked)
        case ProtocolNode():
            return Found() if has_protocol(zone, service, node.protocol) else None


def alias_record(zone: Zone, service: Service, owner: DomainName) -> Record | None:
    """Make the CNAME of an ExternalName Service; None when its external name is not a name.

    An address is no name (spec dns A3).
    """
    text = service.external_name
    if parse_address(text.removesuffix(".")) is not None:
        return None
    try:
        return zone.record(owner, RecordType.CNAME, parse_domain(text))
    except MalformedName:
        return None


def _at_reverse(zone: Zone, question: Question) -> Found | None:
    place = parse_reverse(question.name)
    match place:
        case None:
            return None
        case IPv4Address() | IPv6Address():
            names = _targets_of(zone, place)
        case IPv4Network() | IPv6Network():
            # In a zone with fallthrough upstreams may have names below, so nothing is denied.
            is_ours = zone.config.zone_of(question.name) not in zone.config.fallthrough
            return Found() if is_ours and _has_names_below(zone, place) else None
    if question.type != RecordType.PTR:
        return Found() if names else None
    forward = zone.config.forward_zone.labels
    targets = (DomainName((*labels, "svc", *forward)) for labels in names)
    records = (zone.record(question.name, RecordType.PTR, target) for target in targets)
    return Found(tuple(records)) if names else None


def _targets_of(zone: Zone, address: Address) -> tuple[tuple[str, ...], ...]:
    """List the names of an address, as labels before ``svc``.

    A cluster address has one name, its Service's; any other has one for every
    Service that publishes it.
    """
    owner = zone.snapshot.service_at(str(address))
    if owner is not None:
        key = owner.metadata.key
        return ((key.name, key.namespace),) if zone.has_namespace(key.namespace) else ()
    return tuple(
        (label, key.name, key.namespace)
        for key, label in published_at(zone.snapshot, address)
        if zone.has_namespace(key.namespace)
    )


def _has_names_below(zone: Zone, prefix: Prefix) -> bool:
    """Whether any address of ``prefix`` has a name."""
    if prefix.num_addresses <= _PROBED_MAX:
        return any(_targets_of(zone, address) for address in prefix)
    candidates = (
        parse_address(term[1]) for term in zone.snapshot.index if term[0] in ("address", "endpoint")
    )
    return any(
        address in prefix and _targets_of(zone, address)
        for address in candidates
        if address is not None and address.version == prefix.version
    )
