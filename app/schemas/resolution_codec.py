"""Codec of the questions and answers of ``/resolve``.

    Question -> Asked                 Resolved -> dict in the shape of Resolution

Source: contract.md, "GET /resolve".
"""

from collections.abc import Iterator

from app.domain.discovery.advice import advise
from app.domain.discovery.resolution import Asked, Resolved
from app.domain.discovery.resolvers.lookup import Record, Step
from app.domain.errors import BadRequest, CauseReason, Violation
from app.domain.names import NamespacedName, parse_namespaced_name
from app.domain.objects.endpoint_slice import AddressType, Endpoint, EndpointPort
from app.domain.snapshot import Snapshot
from app.schemas.resolution import Question


def asked_of(query: Question) -> Asked:
    """Decode a question; raises BadRequest when the name of its Pod is malformed."""
    return Asked(
        name=query.name,
        qtype=query.type,
        profile=query.resolver,
        namespace=query.namespace,
        pod=_pod_key(query.pod) if query.pod else None,
        search=None if query.search is None else _domains(query.search),
        ndots=query.ndots,
    )


def encode_resolution(
    resolved: Resolved, snapshot: Snapshot, *, explain: bool
) -> dict[str, object]:
    """Encode the result that a program would get; ``explain`` adds endpoints and advice."""
    outcome, conf, service = resolved.outcome, resolved.conf, resolved.service
    canonical = outcome.canonical_name.removesuffix(".") if outcome.steps else ""
    wire: dict[str, object] = {
        "kind": "Resolution",
        "name": resolved.asked.name,
        "type": resolved.asked.qtype,
        "status": outcome.status.value,
        **({"canonicalName": f"{canonical}."} if canonical else {}),
        "addresses": list(outcome.addresses),
        "records": [_record(record) for record in outcome.records],
        "queries": [_query(step, explain=explain) for step in outcome.steps],
        "resolvConf": {
            "nameservers": list(conf.nameservers),
            "search": list(conf.search),
            "options": {name: _option_value(value) for name, value in conf.options},
        },
        "resolver": resolved.asked.profile.value,
        **({} if service is None else {"service": service._asdict()}),
        "resourceVersion": str(snapshot.revision),
    }
    if explain:
        wire.update(_explained(resolved, snapshot))
    return wire


def _pod_key(text: str) -> NamespacedName:
    key = parse_namespaced_name(text)
    if not (key.namespace and key.name) or "/" in key.namespace:
        cause = Violation(CauseReason.INVALID, "pod", "must be of the form namespace/name")
        raise BadRequest(str(cause), causes=[cause])
    return key


def _domains(listed: str | list[str]) -> tuple[str, ...]:
    texts = [listed] if isinstance(listed, str) else listed
    words = (word for text in texts for word in text.split(","))
    return tuple(domain for word in words for domain in word.split())


def _explained(resolved: Resolved, snapshot: Snapshot) -> dict[str, object]:
    outcome, service = resolved.outcome, resolved.service
    wire: dict[str, object] = {
        "endpoints": [] if service is None else list(_endpoints(snapshot, service)),
        "advice": [{"code": remark.code, "message": remark.message} for remark in advise(resolved)],
    }
    if outcome.error:
        wire["error"] = outcome.error
    if outcome.reported_from:
        wire["reportedFrom"] = outcome.reported_from
    return wire


def _record(record: Record) -> dict[str, object]:
    return {
        "name": str(record.name),
        "type": record.rtype,
        "ttl": record.ttl_s,
        "data": record.value,
    }


def _query(step: Step, *, explain: bool) -> dict[str, object]:
    query = step.query
    wire: dict[str, object] = {
        "name": str(query.name),
        "type": query.qtype,
        "rcode": step.reply.rcode.value,
        "answers": len(step.reply.records),
        "from": query.source,
        "decision": step.decision.value,
    }
    if explain:
        wire["nameserver"] = query.nameserver
        wire["transport"] = query.transport.value
        wire["attempt"] = query.attempt
        wire["reason"] = step.reason
    return wire


def _option_value(value: str | None) -> int | str | bool:
    if not value:
        return True
    return int(value) if value.isdecimal() and value.isascii() else value


def _endpoints(snapshot: Snapshot, service: NamespacedName) -> Iterator[dict[str, object]]:
    for slice_ in snapshot.slices_of(service):
        if slice_.address_type == AddressType.FQDN:
            continue
        for endpoint in slice_.endpoints:
            for address in endpoint.addresses:
                for port in slice_.ports or (None,):
                    yield _endpoint(endpoint, address, port)


def _endpoint(endpoint: Endpoint, address: str, port: EndpointPort | None) -> dict[str, object]:
    wire: dict[str, object] = {"address": address}
    if port is not None:
        shown = {"port": port.port, "portName": port.name, "protocol": str(port.protocol)}
        wire.update({name: value for name, value in shown.items() if value})
    place = {"node": endpoint.node_name, "zone": endpoint.zone}
    wire.update({name: value for name, value in place.items() if value})
    conditions = endpoint.conditions
    wire["conditions"] = {
        "ready": conditions.is_ready,
        "serving": conditions.is_serving,
        "terminating": conditions.is_terminating,
    }
    return wire
