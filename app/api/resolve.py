"""HTTP surface of resolution: what a program would see, and the resolv.conf it reads.

    ResolveQuery -> registry.resolution -> Resolution;  Pod | Namespace -> text

What names are resolved with is the registry's Resolver.
"""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.api import errors as api_errors
from app.api.bodies import documented_body, media_of, read_body
from app.api.dependencies import KeyOf, RegistryOf, SnapshotOf
from app.api.errors import refusals
from app.api.representation import answer, warn
from app.domain import errors
from app.domain.discovery import resolv_conf
from app.domain.discovery.lookup import Record, Step
from app.domain.discovery.resolv_conf import ResolvConf
from app.domain.names import NamespacedName, parse_namespaced_name
from app.domain.objects.endpoint_slice import AddressType, Endpoint, EndpointPort
from app.domain.objects.kinds import NAMESPACE
from app.domain.snapshot import Snapshot
from app.registry.resolution import Asked, Resolved, conf_of_pod, resolve
from app.schemas.documents import parse_document
from app.schemas.resolution import Resolution, Resolutions, ResolveBatch, ResolveQuery

AT_ONCE_MAX = 16  # questions of a batch that may wait for upstreams side by side
_REFUSALS = (
    errors.BadRequest,
    errors.NotFound,
    errors.NotSynced,
    errors.RevisionAhead,
    api_errors.NotAcceptable,
)
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, ready to be mounted as `/etc/resolv.conf`.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


router = APIRouter(tags=["resolve"])


@router.get(
    "/resolve",
    operation_id="resolve",
    summary="Resolve a name as a program would",
    response_model=Resolution,
    responses=refusals(*_REFUSALS),
)
async def resolve_one(
    request: Request,
    query: Annotated[ResolveQuery, Query()],
    snapshot: SnapshotOf,
    registry: RegistryOf,
) -> Response:
    """Answer with every query the resolver sends; a name that does not exist is an answer."""
    resolved = await resolve(snapshot, _asked(query), registry.resolver)
    return answer(request, _encoded(resolved, snapshot, explain=query.explain))


@router.post(
    "/resolve",
    operation_id="resolve_many",
    summary="Resolve many names at once",
    response_model=Resolutions,
    responses=refusals(*_REFUSALS, api_errors.BodyTooLarge, api_errors.Unsupported),
    openapi_extra=documented_body(ResolveBatch),
)
async def resolve_many(request: Request, snapshot: SnapshotOf, registry: RegistryOf) -> Response:
    """Answer every question from the same revision, in order."""
    batch = await _read_batch(request)
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(question: ResolveQuery) -> dict[str, object]:
        async with turns:
            resolved = await resolve(snapshot, _asked(question), registry.resolver)
        return _encoded(resolved, snapshot, explain=question.explain)

    resolutions = await asyncio.gather(*(one(question) for question in batch.questions))
    return answer(request, {"resolutions": resolutions})


@router.get(
    "/namespaces/{name}/resolv.conf",
    operation_id="read_namespace_resolv_conf",
    summary="The resolv.conf of a Pod without wishes of its own",
    response_class=Response,
    responses={**_TEXT, **refusals(*_REFUSALS[1:-1])},
)
async def read_of_namespace(
    name: Annotated[str, Path(examples=["default"])], snapshot: SnapshotOf, registry: RegistryOf
) -> Response:
    """Show what a Pod's file says when the Pod asks for nothing special."""
    if NamespacedName("", name) not in snapshot.namespaces:
        raise errors.not_found(NAMESPACE.plural, name)
    return _text(resolv_conf.for_namespace(name, registry.resolver.dns))


@router.get(
    "/pods/{namespace}/{name}/resolv.conf",
    operation_id="read_pod_resolv_conf",
    summary="The resolv.conf of a Pod",
    response_class=Response,
    responses={**_TEXT, **refusals(*_REFUSALS[1:-1])},
)
async def read_of_pod(key: KeyOf, snapshot: SnapshotOf, registry: RegistryOf) -> Response:
    """Show what a Pod's file says, by its own policy and additions."""
    return _text(conf_of_pod(snapshot, key, registry.resolver.dns))


def _text(conf: ResolvConf) -> Response:
    return warn(Response(resolv_conf.format_text(conf), media_type="text/plain"), conf.warnings)


async def _read_batch(request: Request) -> ResolveBatch:
    content = (await read_body(request, parse_document, media_of(request))).content
    try:
        return ResolveBatch.model_validate(content)
    except ValidationError as error:
        found = [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]
        raise RequestValidationError(found) from error


def _asked(query: ResolveQuery) -> Asked:
    return Asked(
        name=query.name,
        qtype=query.type,
        profile=query.resolver,
        namespace=query.namespace,
        pod=_pod_key(query.pod) if query.pod else None,
        search=None if query.search is None else _domains(query.search),
        ndots=query.ndots,
    )


def _pod_key(text: str) -> NamespacedName:
    key = parse_namespaced_name(text)
    if not (key.namespace and key.name) or "/" in key.namespace:
        cause = errors.Violation(
            errors.CauseReason.INVALID, "pod", "must be of the form namespace/name"
        )
        raise errors.BadRequest(str(cause), causes=[cause])
    return key


def _domains(listed: str | list[str]) -> tuple[str, ...]:
    texts = [listed] if isinstance(listed, str) else listed
    words = (word for text in texts for word in text.split(","))
    return tuple(domain for word in words for domain in word.split())


def _encoded(resolved: Resolved, snapshot: Snapshot, *, explain: bool) -> dict[str, object]:
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
        **({} if service is None else {"service": _service(service)}),
        "resourceVersion": str(snapshot.revision),
    }
    if explain:
        wire.update(_explained(resolved, snapshot))
    return wire


def _explained(resolved: Resolved, snapshot: Snapshot) -> dict[str, object]:
    outcome, service = resolved.outcome, resolved.service
    wire: dict[str, object] = {
        "endpoints": [] if service is None else list(_endpoints(snapshot, service)),
        "advice": [{"code": remark.code, "message": remark.message} for remark in resolved.advice],
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


def _service(key: NamespacedName) -> dict[str, object]:
    return {"namespace": key.namespace, "name": key.name}


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
