"""Codec of values, derived from a wire model and the domain's class that it stands for.

    @shape_of(domain.Probe) class Probe(Input):   model -> decode -> value -> encode -> dict

A missing or null field has the default of the domain's class, or is zero where that has none.
Zero and empty values mean the same and are omitted from the JSON, except where the default is
None: there they are values.  A model that stands for the same class as the one around it is a
part of that, such as a ``spec``.  The JSON has its fields in the order of the model.

The functions of each model are written as source (``source``): a slice has many endpoints, and a
loop over a table of their fields takes twice as long.
Source: spec kubernetes-api 1.2 and 5.8.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from inspect import signature
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from app.domain.objects.meta import format_time
from app.schemas.base import Input
from app.schemas.objects.source import Source

W = TypeVar("W", bound=Input)
Function = Callable[..., Any]
_HEAD = frozenset({"api_version", "kind"})  # of manifests: the same for all objects of a kind
_NONE: Mapping[str, Any] = MappingProxyType({})


class Derived(NamedTuple):
    """How the value of an attribute is made of those of ``fields``, here with their zeros.

    Fields ``of_requests`` are zero in what the store keeps.
    """

    function: Function
    fields: Mapping[str, object]
    of_requests: bool = False


class Shape(NamedTuple):
    """The codec of a model; ``read`` adds the values of its fields to those of an object.

    ``zeros`` are the values of the parameters of ``kind`` that have no default; what is
    ``derived`` is so after all fields have been read.
    """

    kind: Function
    fields: "tuple[Field, ...]"
    zeros: Mapping[str, object]
    derived: Mapping[str, Derived]
    read: Function
    decode: Function
    encode: Function


_SHAPES: dict[type[Input], Shape] = {}


def decode(wire: Input) -> Any:  # noqa: ANN401  the class that the model stands for
    """Make the value that a model stands for."""
    return _SHAPES[type(wire)].decode(wire)


def encode(model: type[Input], value: object) -> dict[str, object]:
    """Encode a value in the form of a model."""
    return _SHAPES[model].encode(value)


def shape_for(model: type[Input]) -> Shape:
    """Give the codec of a model."""
    return _SHAPES[model]


def shape_of(
    kind: Function,
    *,
    derived: Mapping[str, Derived] = _NONE,
    take: Mapping[str, Function] = _NONE,
    always: Collection[str] = (),
    exact: Collection[str] = (),
    **renamed: str,
) -> Callable[[type[W]], type[W]]:
    """Declare that a model stands for a class of the domain.

    Fields are named as attributes unless ``renamed``.  ``take`` gives the values of fields that
    are no attributes, and ``derived`` those of attributes that come of several fields.  Fields
    that are ``always`` in the JSON are so besides those of manifests and the required ones; of
    those that are ``exact``, zero is a value other than the default.
    """
    zeros = _zeros(kind)
    defaults = {name: given.default for name, given in signature(kind).parameters.items()} | zeros

    def declare(model: type[W]) -> type[W]:
        fields = [
            Field(
                name=name,
                alias=field.alias or name,
                attribute=renamed.get(name, name),
                default=defaults.get(renamed.get(name, name), ""),
                is_shown=name in always or _is_always_shown(model, field.alias),
                is_exact=name in exact,
                take=take.get(name),
                hint=bare(field.annotation),
            )
            for name, field in model.model_fields.items()
            if not (model.of_kind and name in _HEAD)
        ]
        _require_known(model, {*renamed, *take, *always, *exact})
        _require_complete(model, fields, kind, {*defaults})
        _SHAPES[model] = _shape(fields, kind, zeros, derived, {*defaults})
        return model

    return declare


def led_by(singular: str, plural: str) -> Derived:
    """Derive a list whose first entry may be given alone, in a singular field.

    As in Kubernetes, the singular field wins when they disagree.
    """
    return Derived(_led, {singular: "", plural: ()})


def _led(first: str | None, every: tuple[str, ...]) -> tuple[str, ...]:
    return (first,) if first and every[:1] != (first,) else every


def first_of(attribute: str) -> Function:
    """Make a getter of the first entry of a list, None when that is empty."""

    def first(value: object) -> object:
        return next(iter(getattr(value, attribute)), None)

    return first


class Field(NamedTuple):
    """A field of a model, and of the value that the model stands for."""

    name: str
    alias: str
    attribute: str
    default: object
    is_shown: bool
    is_exact: bool
    take: Function | None
    hint: Any

    def part_of(self, kind: Function) -> Shape | None:
        """Give the shape of a part of the object around it; None for another field."""
        shape = _SHAPES.get(self.hint)
        return shape if shape is not None and shape.kind is kind else None


def _is_always_shown(model: type[Input], alias: str | None) -> bool:
    """Whether a field is in the JSON because of its model: of a manifest, or required there."""
    return bool(model.of_kind) or alias in model.documented_required


def _require_known(model: type[Input], named: Iterable[str]) -> None:
    """Raise TypeError for a declaration about a field that a model does not have."""
    if unknown := sorted(set(named) - model.model_fields.keys()):
        raise TypeError(f"{model.__name__} has no field {', '.join(unknown)}")


def _require_complete(
    model: type[Input], fields: Iterable[Field], kind: Function, attributes: Collection[str]
) -> None:
    """Raise TypeError for a field without an attribute, or with a model without a shape.

    Without ``attributes`` the fields are those of a function that is called instead of the class.
    """
    for field in fields:
        entry = next((each for each in get_args(field.hint)), field.hint)
        for part in (field.hint, bare(entry)):
            if isinstance(part, type) and issubclass(part, Input) and part not in _SHAPES:
                raise TypeError(f"{part.__name__}, in {model.__name__}, needs a shape_of before it")
        is_other = field.take is not None or field.part_of(kind) is not None
        if attributes and not is_other and field.attribute not in attributes:
            raise TypeError(f"{kind.__name__} has no {field.attribute}, of {model.__name__}")


def _shape(
    fields: Iterable[Field],
    kind: Function,
    zeros: Mapping[str, object],
    derived: Mapping[str, Derived],
    attributes: Collection[str],
) -> Shape:
    reading = _reading(fields, kind)
    read = reading.compiled("wire, values")
    _derive(reading, derived, attributes)  # of the whole object, not of a part of it
    start = f"values = {reading.call(dict(zeros).copy)}"
    end = f"return {reading.call(kind, '**values')}"
    return Shape(
        kind=kind,
        fields=tuple(fields),
        zeros=zeros,
        derived=derived,
        read=read,
        decode=reading.compiled("wire", start=start, end=end),
        encode=_writing(fields, kind).compiled("value", start="wire = {}", end="return wire"),
    )


def _reading(fields: Iterable[Field], kind: Function) -> Source:
    source = Source()
    for field in fields:
        source.add(f"held = wire.{field.name}")
        if part := field.part_of(kind):
            source.add(f"if held is not None: {source.call(part.read, 'held', 'values')}")
            continue
        given = "held is not None" if field.default is None or field.is_exact else "held"
        read, _ = conversions(field.hint)
        source.add(f"if {given}: values[{field.attribute!r}] = {source.call(read, 'held')}")
    return source


def _derive(source: Source, derived: Mapping[str, Derived], attributes: Collection[str]) -> None:
    """Add the attributes that are derived, in place of fields that are no attributes."""
    for attribute, each in derived.items():
        taken = [
            f"values.{'get' if name in attributes else 'pop'}({name!r}, {zero!r})"
            for name, zero in each.fields.items()
        ]
        source.add(f"values[{attribute!r}] = {source.call(each.function, *taken)}")


def _writing(fields: Iterable[Field], kind: Function) -> Source:
    source = Source()
    for field in fields:
        part = field.part_of(kind)
        take = field.take if part is None else part.encode
        source.add(f"held = {source.call(take, 'value') if take else f'value.{field.attribute}'}")
        if field.is_shown or field.default is None:
            shown = "held is not None"
        else:
            shown = f"held != {field.default!r}" if field.is_exact else "held"
        write = None if part is not None else conversions(field.hint)[1]
        source.add(f"if {shown}: wire[{field.alias!r}] = {source.call(write, 'held')}")
    return source


def _zeros(kind: Function) -> dict[str, object]:
    """Give the zeros of the attributes that have no default: empty texts, empty metadata."""
    parameters = signature(kind).parameters.values()
    required = [given.name for given in parameters if given.default is given.empty]
    hints = get_type_hints(kind) if required else {}
    types = {name: get_origin(hints[name]) or hints[name] for name in required}
    return {name: 0 if of is UnionType else of() for name, of in types.items()}


def bare(hint: Any) -> Any:  # noqa: ANN401  the type of any field
    """Give a type without its annotations, and without None."""
    if get_origin(hint) is Annotated:
        return bare(get_args(hint)[0])
    others = [each for each in get_args(hint) if each is not NoneType]
    is_optional = get_origin(hint) in (Union, UnionType) and len(others) == 1
    return bare(others[0]) if is_optional else hint


def conversions(hint: Any) -> tuple[Function | None, Function | None]:  # noqa: ANN401  as above
    """Give the functions between the value of a field in a model and in the domain."""
    kind = bare(hint)
    if kind in _SHAPES:
        return _SHAPES[kind].decode, _SHAPES[kind].encode
    if kind is datetime:
        return None, format_time
    if get_origin(kind) is dict:
        is_quantity = int in get_args(get_args(kind)[1])
        return partial(_texts, "0" if is_quantity else ""), dict
    if get_origin(kind) is not list:
        return None, None
    shape = _SHAPES.get(bare(get_args(kind)[0]))
    if shape is None:
        return tuple, list
    return partial(_all_by, tuple, shape.decode), partial(_all_by, list, shape.encode)


def _all_by(collect: Function, convert: Function, values: Iterable[object]) -> object:
    return collect(map(convert, values))


def _texts(null: str, wire: Mapping[str, object]) -> dict[str, str]:
    """Decode a map of texts, or of quantities, which may be numbers; null is a zero value."""
    return {key: null if value is None else str(value) for key, value in wire.items()}
