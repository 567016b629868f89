"""The state that a request to render describes, decoded.

    document -> Described        or BadRequest, with everything that is wrong

Services and slices, of which there may be many, are decoded without their models; where one of
them is wrong, the models are asked, and name its place.

Source: contract.md, "POST /render".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from app.domain.errors import BadRequest, Violation
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.service import Service
from app.domain.objects.service_cidr import ServiceCIDR
from app.schemas.base import Input
from app.schemas.documents.partly_read import all_violations
from app.schemas.documents.paths import IgnoredField, ignored_fields
from app.schemas.objects import node as wire
from app.schemas.objects.direct import Unusual, decode_directly
from app.schemas.objects.shapes import decode
from app.schemas.rules.render_request import LISTS, RenderConfig, RenderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The objects of a request as they were sent; ``ignored`` are fields that no model has."""

    has_node: bool
    node: Node
    services: Sequence[Service]
    slices: Sequence[EndpointSlice]
    ranges: Sequence[ServiceCIDR]
    config: RenderConfig
    ignored: tuple[IgnoredField, ...] = ()


def described_by(
    document: Mapping[str, object], violations_of: Callable[[Described], Iterable[Violation]]
) -> Described:
    """Decode a request; raises BadRequest for wrong types.

    Its causes are completed by ``violations_of`` what could be decoded.
    """
    try:
        return _read_directly(document)
    except Unusual:
        request = _read(document, violations_of)
        return _described(request, ignored=tuple(ignored_fields(RenderRequest, document)))


def _read_directly(document: Mapping[str, object]) -> Described:
    """Decode the long lists without models; raises Unusual where the models must be asked."""
    unknown: list[str] = []
    lists = {name: _read_list(model, document.get(name), unknown) for name, model in LISTS.items()}
    rest = {name: value for name, value in document.items() if name not in LISTS}
    try:
        request = RenderRequest.model_validate(rest)
    except ValidationError:
        raise Unusual from None
    ignored = ignored_fields(RenderRequest, document if unknown else rest)
    return _described(
        request,
        services=lists["services"],
        slices=lists["endpointSlices"],
        ignored=tuple(ignored),
    )


def _read_list(model: type[Input], listed: object, unknown: list[str]) -> list[Any]:
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise Unusual
    return [decode_directly(model, entry, unknown) for entry in cast("list[object]", listed)]


def _read(
    document: Mapping[str, object], violations_of: Callable[[Described], Iterable[Violation]]
) -> RenderRequest:
    """Validate a request as a whole, which names every place where it is wrong."""
    content = dict(document)
    try:
        return RenderRequest.model_validate(content)
    except ValidationError as error:
        violations = all_violations(
            error, content, RenderRequest, lambda rest: violations_of(_described(rest))
        )
        raise BadRequest(
            f"the request cannot be decoded: {', '.join(map(str, violations))}", causes=violations
        ) from None


def _described(
    request: RenderRequest,
    *,
    services: Sequence[Service] | None = None,
    slices: Sequence[EndpointSlice] | None = None,
    ignored: tuple[IgnoredField, ...] = (),
) -> Described:
    """Decode what a request has, except for lists that are decoded already."""
    return Described(
        has_node=request.node is not None,
        node=decode(request.node or wire.Node()),
        services=_decoded(request.services) if services is None else services,
        slices=_decoded(request.endpoint_slices) if slices is None else slices,
        ranges=_decoded(request.service_cidrs),
        config=request.config or RenderConfig(),
        ignored=ignored,
    )


def _decoded(models: Sequence[Input] | None) -> list[Any]:
    return [decode(each) for each in models or ()]
