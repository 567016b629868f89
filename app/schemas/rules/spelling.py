"""How a domain value is spelled in JSON: read, written and documented from one place.

    JSON -> shape -> make(*fields) -> value        value -> take(value) -> fields -> JSON

A shape is a pydantic model: it checks what is read, and documents it.  A ``Spelling`` beside the
type of a field, as in ``Annotated[ServerKey, SERVER_KEY]``, lets pydantic read the domain value at
once, so that no tree of shapes is held and then translated.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, TypeVar, cast, get_args, get_origin

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from app.schemas.base import Output, wire_name

T = TypeVar("T")


class Spelling(Generic[T]):
    """The spelling of one class of values.

    ``take`` gives a value's fields in the order of the shape, and ``make`` takes them in it.
    Constants, fields such as ``op`` that can hold one word only, are not among these.
    """

    def __init__(
        self, shape: type[Output], take: Callable[[T], Iterable[object]], make: Callable[..., T]
    ) -> None:
        """Spell values in the way that ``shape`` documents."""
        self._shape, self._take, self._make = shape, take, make
        self._names = _varying(shape)
        self._wire_names = [wire_name(name) for name in self._names]
        fields = shape.model_fields.items()
        self._blank = {wire_name(n): _constant(field.annotation) for n, field in fields}
        writers = {wire_name(n): _writer(f.annotation, f.metadata) for n, f in fields}
        self._writers = [(name, write) for name, write in writers.items() if write is not None]

    def read(self, shape: Output) -> T:
        """Make the value of a shape; raises ValueError when there is no such value."""
        return self._make(*map(vars(shape).__getitem__, self._names))

    def write(self, value: T) -> dict[str, object]:
        """Spell a value, its fields in the order of the shape."""
        shown = self._blank.copy()
        shown.update(zip(self._wire_names, self._take(value), strict=True))
        for name, write in self._writers:
            shown[name] = write(shown[name])
        return shown

    def __get_pydantic_core_schema__(self, _: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Have pydantic read the shape, and make the value of it."""
        return core_schema.no_info_after_validator_function(
            self.read, handler.generate_schema(self._shape)
        )


class Choice(Generic[T]):
    """Values of several classes, told apart by ``op``."""

    def __init__(self, spellings: Mapping[str, Spelling[T]]) -> None:
        """Choose among spellings, by their constant ``op``."""
        self._spellings = spellings

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Have pydantic read the spelling that ``op`` names."""
        choices = {
            op: spelling.__get_pydantic_core_schema__(source, handler)
            for op, spelling in self._spellings.items()
        }
        return core_schema.tagged_union_schema(choices, discriminator="op")


def record(shape: type[Output], kind: Callable[..., T], **renamed: str) -> Spelling[T]:
    """Spell a value by its attributes, called as the shape's fields are unless ``renamed``."""
    names = [renamed.get(name, name) for name in _varying(shape)]

    def make(*values: object) -> T:
        return kind(**dict(zip(names, values, strict=True)))

    return Spelling(shape, attributes(*names), make)


def row(shape: type[Output]) -> Spelling[tuple[Any, ...]]:
    """Spell a tuple of the shape's fields."""
    return Spelling(shape, iter, lambda *fields: fields)


def attributes(*names: str) -> Callable[[Any], Sequence[object]]:
    """Take attributes, one of them too, as a tuple."""
    take = attrgetter(*names)
    return take if len(names) > 1 else lambda value: (take(value),)


def _varying(shape: type[Output]) -> list[str]:
    """Name the fields of a shape that are not constants."""
    return [n for n, field in shape.model_fields.items() if _constant(field.annotation) is None]


def _constant(hint: object) -> object:
    """Give the one word that a field can hold; None when there are others."""
    words = get_args(hint) if get_origin(hint) is Literal else ()
    return words[0] if len(words) == 1 else None


def _writer(hint: object, metadata: Iterable[object]) -> Callable[[Any], object] | None:
    """Give what writes the values of a field; None when they are written as they are."""
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
