"""The base of every wire model: field names, strictness and JSON schema.

    cluster_ip <-> clusterIP            null -> absent

Models define shapes and document fields; ``app.domain.registration`` decides whether
values are valid together.  Input accepts what Kubernetes' decoder accepts: missing
fields are zero, nulls are missing, unknown fields are collected rather than refused,
and types are exact.

Source: spec kubernetes-api 1.2 and 5.8; contract.md, "Objects".
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, ClassVar, Final, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    JsonValue,
    PlainValidator,
    WithJsonSchema,
)

from app.domain.addresses import PORT_MAX

T = TypeVar("T")
FailFastTuple = Annotated[tuple[T, ...], FailFast()]
"""An array that an agent reads: validation stops at the first invalid entry.

A violation takes a hundred times the memory of its entry, and an answer may have millions.
"""

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_TIMES_MAX = 4_096  # parsed times cached; one write gives many objects the same time
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,12})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)

_SPECIFICATION = re.compile(r" \(spec [^)]*\)")  # for readers of the code alone

_INITIALISMS = {
    "cidr": "CIDR",
    "cidrs": "CIDRs",
    "dns": "DNS",
    "id": "ID",
    "ip": "IP",
    "ips": "IPs",
    "ttl": "TTL",
    "uid": "UID",
    "urls": "URLs",
    "url": "URL",
}


def wire_name(name: str) -> str:
    """Give the wire name of a field; a trailing underscore only avoids a Python keyword."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(_INITIALISMS.get(word, word.capitalize()) for word in others)


def tidy(schema: dict[str, JsonValue], model: type[BaseModel]) -> None:
    """Document that absent fields are omitted, never null; a title would only repeat a name.

    Additional fields are allowed by default in JSON Schema, so that this is not repeated.
    """
    for repeated in ("additionalProperties", "title"):
        schema.pop(repeated, None)
    properties = cast("dict[str, dict[str, JsonValue]]", schema.get("properties", {}))
    always = cast("list[str]", schema.get("required", []))
    for name, field in properties.items():
        field.pop("title", None)
        if issubclass(model, Input):
            field.pop("default", None)  # what is absent is the same as what is not sent
        if name not in always:  # a field that is always present may be null
            _drop_null(field)
    if issubclass(model, Input) and model.documented_required:
        schema["required"] = [*model.documented_required]


def _drop_null(field: dict[str, JsonValue]) -> None:
    if field.get("default", "") is None:
        del field["default"]
    branches = cast("list[dict[str, JsonValue]]", field.get("anyOf", []))
    kept = [branch for branch in branches if branch.get("type") != "null"]
    if len(kept) == 1:
        del field["anyOf"]
        field.update({key: value for key, value in kept[0].items() if key not in field})
    elif kept:
        field["anyOf"] = cast("list[JsonValue]", kept)
    values = field.get("additionalProperties")
    if isinstance(values, dict):
        _drop_null(values)


class Input(BaseModel):
    """A shape that clients send; answers use it too where they have the same shape.

    ``ignored`` are known fields without a meaning here that cause no warning;
    ``documented_required`` are required although decoding reads a missing one as zero;
    ``of_kind`` is the kind, if the shape is a whole manifest.
    """

    model_config = ConfigDict(
        alias_generator=wire_name,
        extra="allow",
        json_schema_extra=tidy,
        strict=True,
        validate_by_alias=True,
    )
    ignored: ClassVar[frozenset[str]] = frozenset()
    documented_required: ClassVar[tuple[str, ...]] = ()
    of_kind: ClassVar[str] = ""


class Output(BaseModel):
    """A shape that only the server makes: fields without a default are always present."""

    model_config = ConfigDict(
        alias_generator=wire_name,
        extra="forbid",
        json_schema_extra=tidy,
        serialize_by_alias=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


COMPONENT: Final = "x-component"
"""Marks a schema that is not a model's and has a name in the document all the same."""


def component(name: str, schema: Mapping[str, JsonValue]) -> WithJsonSchema:
    """Document a type by a schema that the document has once, under a name."""
    return WithJsonSchema({COMPONENT: {name: {**schema}}})


def words(vocabulary: type[StrEnum], name: str = "") -> WithJsonSchema:
    """Document a closed vocabulary, by its own name unless another is given.

    Values are validated with the object, not here.
    """
    first_line = (vocabulary.__doc__ or "").partition("\n")[0]
    return one_of(
        name or vocabulary.__name__,
        *(word.value for word in vocabulary),
        description=_SPECIFICATION.sub("", first_line),
    )


def one_of(name: str, *values: str, description: str) -> WithJsonSchema:
    """Document the vocabulary of a field whose type is no enumeration."""
    return component(name, {"type": "string", "description": description, "enum": [*values]})


def _integer(bits: int, minimum: int | None = None, maximum: int | None = None) -> WithJsonSchema:
    schema: dict[str, JsonValue] = {"type": "integer", "format": f"int{bits}"}
    if minimum is not None:
        schema["minimum"] = minimum
    if maximum is not None:
        schema["maximum"] = maximum
    return WithJsonSchema(schema)


@lru_cache(maxsize=_TIMES_MAX)
def parse_time(text: str) -> datetime:
    """Parse an RFC 3339 time, as UTC with whole seconds; raises ValueError."""
    if not _RFC_3339.match(text):
        raise ValueError("must be an RFC 3339 time such as 2006-01-02T15:04:05Z")
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must lie between the years 1 and 9999") from error
    return moment.replace(microsecond=0)


def _time(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time, in a string")  # noqa: TRY004  pydantic's way
    return parse_time(value)


_Bounded32 = Annotated[int, Field(ge=INT32_MIN, le=INT32_MAX)]
Int32 = Annotated[_Bounded32, _integer(32)]
Int64 = Annotated[int, Field(ge=INT64_MIN, le=INT64_MAX), _integer(64)]
Port = Annotated[_Bounded32, _integer(32, 1, PORT_MAX)]
PortOrNone = Annotated[_Bounded32, _integer(32, 0, PORT_MAX)]
IntOrString = Annotated[
    _Bounded32 | str,
    component(
        "IntOrString",
        {
            "description": "A port by its number, or by its name.",
            "oneOf": [{"type": "integer", "format": "int32"}, {"type": "string"}],
        },
    ),
]
Time = Annotated[
    datetime, PlainValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})
]


def text_map(name: str, description: str) -> WithJsonSchema:
    """Document a map of texts under a name, in which null stands for an empty text."""
    words = {"description": description, "type": "object"}
    return component(name, {**words, "additionalProperties": {"type": "string"}})


_Texts = dict[str, str | None]
Labels = Annotated[_Texts, text_map("Labels", "Labels by key.")]
Annotations = Annotated[_Texts, text_map("Annotations", "Annotations by key.")]
SELECTOR_OPERATOR = one_of(
    "SelectorOperator",
    *("In", "NotIn", "Exists", "DoesNotExist"),
    description="How the value of a label is compared with those of a condition.",
)
