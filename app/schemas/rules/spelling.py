"""Spellings: decoder, encoder and documentation of a domain value's JSON in one place.

    JSON -> shape -> make(*fields) -> value        value -> take(value) -> fields -> JSON

A shape is a pydantic model: it validates and documents the JSON.  A ``Spelling`` beside the
type of a field, as in ``Annotated[ServerKey, SERVER_KEY]``, makes pydantic produce the domain
value directly, without a tree of shapes that is translated afterwards.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, TypeVar, cast, get_args, get_origin

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, GetPydanticSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from app.schemas.base import COMPONENT, Output, wire_name

T = TypeVar("T")


class Spelling(Generic[T]):
    """The spelling of one class of values.

    ``take`` gives a value's fields in the order of the shape, and ``make`` takes them in that
    order.  Constants, fields such as ``op`` with one possible value, are not among them.
    """

    def __init__(
        self, shape: type[Output], take: Callable[[T], Iterable[object]], make: Callable[..., T]
    ) -> None:
        """Encode and decode values in the form that ``shape`` documents."""
        self._shape, self._take, self._make = shape, take, make
        self._names = _varying(shape)
        self._wire_names = [wire_name(name) for name in self._names]
        fields = shape.model_fields.items()
        self._blank = {wire_name(n): _constant(field.annotation) for n, field in fields}
        writers = {wire_name(n): _writer(f.annotation, f.metadata) for n, f in fields}
        self._writers = [(name, write) for name, write in writers.items() if write is not None]

    def read(self, shape: Output) -> T:
        """Make the value of a shape; raises ValueError when it is invalid."""
        return self._make(*map(vars(shape).__getitem__, self._names))

    def write(self, value: T) -> dict[str, object]:
        """Encode a value, with its fields in the order of the shape."""
        shown = self._blank.copy()
        shown.update(zip(self._wire_names, self._take(value), strict=True))
        for name, write in self._writers:
            shown[name] = write(shown[name])
        return shown

    def __get_pydantic_core_schema__(self, _: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make pydantic validate the shape, then make the value from it."""
        return core_schema.no_info_after_validator_function(
            self.read, handler.generate_schema(self._shape)
        )


def choice(
    name: str, description: str, spellings: Mapping[str, Spelling[Any]]
) -> GetPydanticSchema:
    """Make the spelling of values of several classes, distinguished by the constant ``op``.

    The document has the choice once, under its name.
    """

    def schema(source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {
            op: spelling.__get_pydantic_core_schema__(source, handler)
            for op, spelling in spellings.items()
        }
        return core_schema.tagged_union_schema(choices, discriminator="op")

    def document(choices: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {COMPONENT: {name: {"description": description, **handler(choices)}}}

    return GetPydanticSchema(schema, document)


def record(shape: type[Output], kind: Callable[..., T], **renamed: str) -> Spelling[T]:
    """Make the spelling of a value's attributes, named as the shape's fields unless ``renamed``."""
    names = [renamed.get(name, name) for name in _varying(shape)]

    def make(*values: object) -> T:
        return kind(**dict(zip(names, values, strict=True)))

    return Spelling(shape, attributes(*names), make)


def row(shape: type[Output]) -> Spelling[tuple[Any, ...]]:
    """Make the spelling of a tuple of the shape's fields."""
    return Spelling(shape, iter, lambda *fields: fields)


def attributes(*names: str) -> Callable[[Any], Sequence[object]]:
    """Make a getter of attributes that always returns a tuple, even for one attribute."""
    take = attrgetter(*names)
    return take if len(names) > 1 else lambda value: (take(value),)


def _varying(shape: type[Output]) -> list[str]:
    """List the fields of a shape that are not constants."""
    return [n for n, field in shape.model_fields.items() if _constant(field.annotation) is None]


def _constant(hint: object) -> object:
    """Give the only possible value of a field; None when there are several."""
    words = get_args(hint) if get_origin(hint) is Literal else ()
    return words[0] if len(words) == 1 else None


def _writer(hint: object, metadata: Iterable[object]) -> Callable[[Any], object] | None:
    """Give the encoder for the values of a field; None when they need none."""
    for each in metadata:
        if isinstance(each, Spelling):
            return cast("Spelling[Any]", each).write
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _writer(parts[0], parts[1:])
    for write in (_writer(part, ()) for part in parts):
        if write is not None and origin is tuple:
            return lambda values, write=write: [write(value) for value in values]
        if write is not None:
            return lambda value, write=write: None if value is None else write(value)
    return None
