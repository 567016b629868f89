"""Documents and stored bytes to domain objects, and back.

    document (dict) -> decode_object -> Decoded(object, what is passed over)
    object -> encode_object -> dict -> encode_bytes -> JSON -> decode_bytes -> the same object

Types are checked here, all at once; whether the values make sense together is
the core's question.  Source: spec kubernetes-api 1.7 and 5.8.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import to_json

from app.domain.errors import BadRequest, CauseReason, Violation
from app.domain.objects import kinds
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.endpoints import Endpoints
from app.domain.objects.kinds import ENDPOINTS, KINDS_BY_NAME, Kind, Object
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.registration.first_look import draft_violations
from app.domain.registration.slices.endpoints_validation import validate as validate_endpoints
from app.schemas.base import Input
from app.schemas.documents.partly_read import all_violations
from app.schemas.documents.paths import (
    PassedOver,
    name_type,
    passed_over,
)
from app.schemas.objects.endpoint_slice import (
    EndpointSliceWrite,
    decode_endpoint_slice,
    encode_endpoint_slice,
)
from app.schemas.objects.endpoints import EndpointsWrite, decode_endpoints
from app.schemas.objects.namespace import NamespaceWrite, decode_namespace, encode_namespace
from app.schemas.objects.node import NodeWrite, decode_node, encode_node
from app.schemas.objects.pod import PodWrite, decode_pod, encode_pod
from app.schemas.objects.service import ServiceWrite, decode_service, encode_service
from app.schemas.objects.service_cidr import (
    ServiceCIDRWrite,
    decode_service_cidr,
    encode_service_cidr,
)

_SHOWN_MAX = 10  # violations that a message repeats; the causes hold all

W = TypeVar("W", bound=Input)
R = TypeVar("R", Service, Pod, Node, Namespace, EndpointSlice, ServiceCIDR)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a document says, and the fields in it that mean nothing here."""

    object: Object
    passed_over: tuple[PassedOver, ...] = ()


class Identity(NamedTuple):
    """Which object a document is about; ``held`` is None when Waypost has no such kind."""

    api_version: str
    kind: str
    namespace: str
    name: str
    held: Kind | None


@dataclass(frozen=True, slots=True)
class _Codec:
    model: type[Input]
    decode: Callable[[Input], Object]
    encode: Callable[[Object], dict[str, object]]


def _codec(
    model: type[W],
    noun: type[R],
    decode: Callable[[W], R],
    encode: Callable[[R], dict[str, object]],
) -> _Codec:
    def decode_checked(wire: Input) -> Object:
        assert isinstance(wire, model)
        return decode(wire)

    def encode_checked(registered: Object) -> dict[str, object]:
        assert isinstance(registered, noun)
        return encode(registered)

    return _Codec(model, decode_checked, encode_checked)


_CODECS: Mapping[Kind, _Codec] = {
    kinds.SERVICE: _codec(ServiceWrite, Service, decode_service, encode_service),
    kinds.POD: _codec(PodWrite, Pod, decode_pod, encode_pod),
    kinds.NODE: _codec(NodeWrite, Node, decode_node, encode_node),
    kinds.NAMESPACE: _codec(NamespaceWrite, Namespace, decode_namespace, encode_namespace),
    kinds.ENDPOINT_SLICE: _codec(
        EndpointSliceWrite, EndpointSlice, decode_endpoint_slice, encode_endpoint_slice
    ),
    kinds.SERVICE_CIDR: _codec(
        ServiceCIDRWrite, ServiceCIDR, decode_service_cidr, encode_service_cidr
    ),
}
_ENCODERS = {kind.type: codec.encode for kind, codec in _CODECS.items()}


def decode_object(document: Mapping[str, object], kind: str | None = None) -> Decoded:
    """Read one object; with ``kind`` given, the document need not name its own.

    Everything the client sent is in the result, server-owned metadata included.
    Raises BadRequest when the kind is another or unknown, or when values have
    the wrong types: one cause each.
    """
    codec, wire = _validated(document, kind)
    return Decoded(codec.decode(wire), tuple(passed_over(wire)))


def decode_known(document: Mapping[str, object]) -> Object:
    """Read one object for what is known here, as of a server that may know more than we do.

    Raises BadRequest as ``decode_object`` does; looking for what means nothing takes half its time.
    """
    codec, wire = _validated(document, None)
    return codec.decode(wire)


def _validated(document: Mapping[str, object], kind: str | None) -> tuple[_Codec, Input]:
    wanted = _kind_of(document, kind)
    codec = _CODECS[wanted]
    return codec, _read(codec.model, document, wanted, lambda wire: _judged(codec, wire))


def _judged(codec: _Codec, wire: Input) -> Iterable[Violation]:
    return draft_violations(codec.decode(wire))


def _read(
    model: type[W],
    document: Mapping[str, object],
    kind: Kind,
    judge: Callable[[W], Iterable[Violation]],
) -> W:
    content = dict(document)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        violations = all_violations(error, content, model, judge)
        raise _mistyped(kind.name, violations) from None


def read_endpoints(document: Mapping[str, object]) -> tuple[Endpoints, tuple[PassedOver, ...]]:
    """Read an Endpoints object, and what in it is passed over; raises BadRequest."""
    wire = _read(
        EndpointsWrite, document, ENDPOINTS, lambda wire: validate_endpoints(decode_endpoints(wire))
    )
    return decode_endpoints(wire), tuple(passed_over(wire))


def identify(document: Mapping[str, object]) -> Identity:
    """Say which object a document is about, of whatever kind; what it says is not checked.

    Raises BadRequest when it does not name its apiVersion and kind.
    """
    api_version, named = _type_of(document)
    kind = KINDS_BY_NAME.get(named)
    metadata = document.get("metadata")
    texts = cast("dict[str, object]", metadata) if isinstance(metadata, dict) else {}
    namespace, name = texts.get("namespace"), texts.get("name")
    return Identity(
        api_version=api_version,
        kind=named,
        namespace=namespace if isinstance(namespace, str) else "",
        name=name if isinstance(name, str) else "",
        held=kind if kind is not None and kind.api_version == api_version else None,
    )


def encode_object(registered: Object) -> dict[str, object]:
    """Spell an object as the dict that its JSON is made of."""
    return _ENCODERS[type(registered)](registered)


def encode_json(wire: object) -> bytes:
    """Spell a wire shape as compact JSON; equal shapes give equal bytes."""
    return to_json(wire)


def encode_bytes(registered: Object) -> bytes:
    """Spell an object as JSON: what clients receive and what the store keeps."""
    return to_json(_ENCODERS[type(registered)](registered))


def decode_bytes(kind: Kind | str, stored: bytes | str) -> Object:
    """Read back what ``encode_bytes`` made; the revision comes from resourceVersion."""
    codec = _CODECS[KINDS_BY_NAME[kind] if isinstance(kind, str) else kind]
    registered = codec.decode(codec.model.model_validate_json(stored))
    return replace(registered, metadata=replace(registered.metadata, resource_version=""))


def _kind_of(document: Mapping[str, object], kind: str | None) -> Kind:
    if kind is None:
        identity = identify(document)
        if identity.held is None:
            message = f"{identity.kind} in {identity.api_version} is not a kind held here"
            raise _contradicts("kind", message)
        return identity.held
    wanted = KINDS_BY_NAME[kind]
    named, api_version = _text(document, "kind"), _text(document, "apiVersion")
    if named and named != wanted.name:
        raise _contradicts("kind", f"must be {wanted.name}, not {named}")
    if api_version and api_version != wanted.api_version:
        message = f"must be {wanted.api_version} for a {wanted.name}, not {api_version}"
        raise _contradicts("apiVersion", message)
    return wanted


def _type_of(document: Mapping[str, object]) -> tuple[str, str]:
    found = {field: _text(document, field) for field in ("apiVersion", "kind")}
    if missing := [field for field, text in found.items() if not text]:
        raise BadRequest(
            f"the object does not say its {' and '.join(missing)}",
            causes=[Violation(CauseReason.REQUIRED, field, "must be given") for field in missing],
        )
    return found["apiVersion"], found["kind"]


def _text(document: Mapping[str, object], field: str) -> str:
    value = document.get(field)
    if value is None or isinstance(value, str):
        return value or ""
    message = f"must be a string, not {name_type(value)}"
    raise _mistyped("object", (Violation(CauseReason.TYPE_INVALID, field, message),))


def _contradicts(field: str, message: str) -> BadRequest:
    return BadRequest(
        f"{field}: {message}", causes=[Violation(CauseReason.INVALID, field, message)]
    )


def _mistyped(name: str, violations: tuple[Violation, ...]) -> BadRequest:
    shown = ", ".join(str(violation) for violation in violations[:_SHOWN_MAX])
    more = len(violations) - _SHOWN_MAX
    suffix = f", and {more} more" if more > 0 else ""
    return BadRequest(f"the {name} cannot be decoded: {shown}{suffix}", causes=violations)
