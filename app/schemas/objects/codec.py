"""Documents and stored bytes to domain objects, and back.

    document (dict) -> decode_object -> Decoded(object, what is passed over)
    object -> encode_object -> dict -> encode_bytes -> JSON -> decode_bytes -> the same object

Types are checked here, all at once; whether the values make sense together is
the core's question.  Source: spec kubernetes-api 1.7 and 5.8.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from pydantic import ValidationError
from pydantic_core import to_json

from app.domain.errors import BadRequest, CauseReason, Violation
from app.domain.objects.endpoints import ENDPOINTS, Endpoints
from app.domain.objects.resource import AnyResource, Object
from app.domain.registration.slices.endpoints_validation import validate as validate_endpoints
from app.domain.registration.strategies import strategy_of
from app.domain.resources import RESOURCES_BY_KIND
from app.schemas.base import Input
from app.schemas.documents.partly_read import all_violations
from app.schemas.documents.paths import PassedOver, name_type, passed_over
from app.schemas.objects.endpoints import EndpointsWrite, decode_endpoints
from app.schemas.objects.metadata import encode_meta
from app.schemas.objects.wire import AnyWire, W
from app.schemas.objects.wires import WIRES, wire_of

_SHOWN_MAX = 10  # violations that a message repeats; the causes hold all


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
    held: AnyResource | None


_WIRES_BY_TYPE: Mapping[type[Object], AnyWire] = {wire.resource.type: wire for wire in WIRES}


def decode_object(document: Mapping[str, object], kind: str | None = None) -> Decoded:
    """Read one object; with ``kind`` given, the document need not name its own.

    Everything the client sent is in the result, server-owned metadata included.
    Raises BadRequest when the kind is another or unknown, or when values have
    the wrong types: one cause each.
    """
    wire, model = _validated(document, kind)
    return Decoded(wire.decode(model), tuple(passed_over(model)))


def decode_known(document: Mapping[str, object]) -> Object:
    """Read one object for what is known here, as of a server that may know more than we do.

    Raises BadRequest as ``decode_object`` does; looking for what means nothing takes half its time.
    """
    wire, model = _validated(document, None)
    return wire.decode(model)


def _validated(document: Mapping[str, object], kind: str | None) -> tuple[AnyWire, Input]:
    wanted = _kind_of(document, kind)
    wire = wire_of(wanted)

    def judge(model: Input) -> Iterable[Violation]:
        draft = wire.decode(model)
        return strategy_of(draft).draft_violations(draft)

    return wire, _read(wire.write, document, wanted, judge)


def _read(
    model: type[W],
    document: Mapping[str, object],
    kind: AnyResource,
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
    kind = RESOURCES_BY_KIND.get(named)
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
    """Encode an object as the dict that its JSON is made of."""
    wire = _WIRES_BY_TYPE[type(registered)]
    return {
        "apiVersion": wire.resource.api_version,
        "kind": wire.resource.name,
        "metadata": encode_meta(registered.metadata),
        **wire.encode(registered),
    }


def encode_json(wire: object) -> bytes:
    """Spell a wire shape as compact JSON; equal shapes give equal bytes."""
    return to_json(wire)


def encode_bytes(registered: Object) -> bytes:
    """Spell an object as JSON: what clients receive."""
    return to_json(encode_object(registered))


def encode_stored(registered: Object) -> bytes | None:
    """Spell an object as JSON with what clients are not shown; None where that is nothing."""
    wire = _WIRES_BY_TYPE[type(registered)]
    hidden = {
        name: value
        for name, attribute in wire.stored_only.items()
        if (value := getattr(registered, attribute))
    }
    return to_json({**encode_object(registered), **hidden}) if hidden else None


def decode_bytes(kind: AnyResource | str, stored: bytes | str) -> Object:
    """Read back what ``encode_bytes`` made; the revision comes from resourceVersion."""
    wire = wire_of(RESOURCES_BY_KIND[kind] if isinstance(kind, str) else kind)
    registered: Object = wire.decode(wire.write.model_validate_json(stored))
    return replace(registered, metadata=replace(registered.metadata, resource_version=""))


def decode_stored(kind: str, stored: str) -> Object:
    """Read back what the store keeps: ``encode_stored``, or ``encode_bytes``."""
    registered = decode_bytes(kind, stored)
    held = wire_of(RESOURCES_BY_KIND[kind]).stored_only
    if any(f'"{name}":' in stored for name in held):
        fields: dict[str, Any] = json.loads(stored)
        hidden = {held[name]: tuple(fields[name]) for name in held if name in fields}
        registered = replace(registered, **hidden)
    return registered


def _kind_of(document: Mapping[str, object], kind: str | None) -> AnyResource:
    if kind is None:
        identity = identify(document)
        if identity.held is None:
            message = f"{identity.kind} in {identity.api_version} is not a kind held here"
            raise _contradicts("kind", message)
        return identity.held
    wanted = RESOURCES_BY_KIND[kind]
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
