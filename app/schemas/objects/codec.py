"""Codec of objects: documents and stored bytes to domain objects, and back.

    document (dict) -> decode_object -> Decoded(object, ignored fields)
    object -> encode_object -> dict -> encode_bytes -> JSON -> decode_bytes -> the same object

Types are checked here, all at once; the core validates the values.
Source: spec kubernetes-api 1.7 and 5.8.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from app.domain.copies import replace
from app.domain.errors import BadRequest, CauseReason, DomainError, Violation
from app.domain.objects.endpoints import Endpoints
from app.domain.objects.resource import AnyResource, Object
from app.domain.registration.slices.validation import endpoints_violations
from app.domain.registration.strategies import strategy_of
from app.domain.resources import RESOURCES_BY_KIND, resource_of
from app.schemas.base import Input
from app.schemas.documents.partly_read import all_violations
from app.schemas.documents.paths import IgnoredField, ignored_fields, name_type
from app.schemas.objects import endpoint_slice as slices
from app.schemas.objects.direct import Unusual, decode_directly, decode_kept
from app.schemas.objects.shapes import decode, encode
from app.schemas.objects.wire import Wire
from app.schemas.objects.wires import wire_of

W = TypeVar("W", bound=Input)
_SHOWN_MAX = 10  # violations in a message; the causes have all

UNREADABLE: Final = (
    DomainError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""The exceptions of decoding for a server's document of an unexpected shape."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The object of a document, and the fields of the document that are ignored."""

    object: Object
    ignored_fields: tuple[IgnoredField, ...] = ()


class Identity(NamedTuple):
    """The identity of a document's object; ``held`` is None when Waypost has no such kind."""

    api_version: str
    kind: str
    namespace: str
    name: str
    held: AnyResource | None


def decode_object(document: Mapping[str, object], kind: str | None = None) -> Decoded:
    """Decode one object; with ``kind`` given, the document need not name it.

    The result has everything the client sent, server-owned metadata included.
    Raises BadRequest when the kind is another or unknown, or when values have
    the wrong types: one cause each.
    """
    model, unknown = wire_of(_kind_of(document, kind)).model, list[str]()
    found = _decoded(model, document, unknown)
    return Decoded(found, tuple(ignored_fields(model, document)) if unknown else ())


def decode_known(document: Mapping[str, object]) -> Object:
    """Decode one object of a server whose version may have more fields; these are ignored.

    Raises BadRequest as ``decode_object`` does.
    """
    return _decoded(wire_of(_kind_of(document, None)).model, document, [])


def _decoded(model: type[Input], document: Mapping[str, object], unknown: list[str]) -> Any:  # noqa: ANN401  the class that the model stands for
    try:
        return decode_directly(model, document, unknown)
    except Unusual:
        unknown[:] = document  # the models may accept it, with any fields
        return decode(
            _read(model, document, lambda draft: strategy_of(draft).draft_violations(draft))
        )


def _read(
    model: type[W],
    document: Mapping[str, object],
    violations_of: Callable[[Any], Iterable[Violation]],
) -> W:
    content = dict(document)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        violations = all_violations(error, content, model, lambda rest: violations_of(decode(rest)))
        raise _mistyped(model.of_kind, violations) from None


def read_endpoints(document: Mapping[str, object]) -> tuple[Endpoints, tuple[IgnoredField, ...]]:
    """Decode an Endpoints object, with the fields that are ignored; raises BadRequest."""
    wire = _read(slices.Endpoints, document, endpoints_violations)
    return decode(wire), tuple(ignored_fields(slices.Endpoints, document))


def identify(document: Mapping[str, object]) -> Identity:
    """Identify the object of a document, of any kind, without validating it.

    Raises BadRequest when the document has no apiVersion or kind.
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
    resource = resource_of(registered)
    return {
        "apiVersion": resource.api_version,
        "kind": resource.name,
        **encode(wire_of(resource).model, registered),
    }


def encode_json(wire: object) -> bytes:
    """Encode a wire shape as compact JSON; equal shapes give equal bytes."""
    return to_json(wire)


def encode_bytes(registered: Object) -> bytes:
    """Encode an object as the JSON that clients receive."""
    return to_json(encode_object(registered))


def encode_stored(registered: Object) -> bytes | None:
    """Encode an object as JSON with its hidden fields; None when it has none."""
    hidden = {
        name: value
        for name, attribute in wire_of(resource_of(registered)).stored_only.items()
        if (value := getattr(registered, attribute))
    }
    return to_json({**encode_object(registered), **hidden}) if hidden else None


def decode_bytes(kind: AnyResource | str, stored: bytes | str) -> Object:
    """Decode the JSON of ``encode_bytes``; the revision is the resourceVersion."""
    wire = wire_of(RESOURCES_BY_KIND[kind] if isinstance(kind, str) else kind)
    return _read_back(wire, stored)[0]


def decode_stored(kind: str, stored: str) -> Object:
    """Decode what the store keeps: the JSON of ``encode_stored``, or of ``encode_bytes``."""
    wire = wire_of(RESOURCES_BY_KIND[kind])
    registered, document = _read_back(wire, stored)
    held = wire.stored_only
    hidden = {held[name]: _frozen(document[name]) for name in held if name in document}
    return replace(registered, **hidden) if hidden else registered


def _read_back(wire: Wire, stored: bytes | str) -> tuple[Object, dict[str, Any]]:
    """Decode the JSON of an object, to the object and the document that it was in."""
    document: dict[str, Any] = from_json(stored)
    try:
        return decode_kept(wire.model, document), document
    except Unusual:
        registered: Object = decode(wire.model.model_validate_json(stored))
    unversioned = replace(registered.metadata, resource_version="")
    return replace(registered, metadata=unversioned), document


def _frozen(value: Any) -> Any:  # noqa: ANN401  a value of JSON
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


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
