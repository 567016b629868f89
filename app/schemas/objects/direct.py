"""Decoding of documents without making the models of the parts that they consist of.

    model, document -> value, fields that no model has        or Unusual, and then the models decide

The same declarations say what is read: the fields of the models (``shapes``), and for each value
in a field the validator that pydantic makes of its type.  What is skipped is an instance for
every part of a document.  For whatever pydantic may refuse or alter this raises ``Unusual``: the
models word what is wrong, or accept it after all.

Source: docs/decisions/0017 and 0024.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, cast, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter

from app.schemas.base import Input
from app.schemas.objects.shapes import Field, bare, conversions, shape_for

Function = Callable[..., Any]
Values = dict[str, object]
Unknown = list[str]
"""The fields found that no model has, by name."""
Read = Callable[[object, Values, Unknown], None]
Decode = Callable[[object, Unknown], object]


class Unusual(Exception):
    """A document that only the models can decode, or refuse."""


def decode_directly(model: type[Input], document: object, unknown: Unknown) -> Any:  # noqa: ANN401  the class that the model stands for
    """Make the value of a document, and add its unknown fields to ``unknown``.

    Raises Unusual when it may be that the model refuses the document.
    """
    try:
        return _decoder(model)(document, unknown)
    except (ValueError, RecursionError):
        raise Unusual from None


@cache
def _decoder(model: type[Input]) -> Decode:
    shape, read = shape_for(model), _reader(model)

    def decode(document: object, unknown: Unknown) -> object:
        values = dict(shape.zeros)
        read(document, values, unknown)
        return shape.make(**values)

    return decode


@cache
def _reader(model: type[Input]) -> Read:
    """Make the function that adds the values of a document's fields to those of an object."""
    plain, reads = _plain_fields(model), _field_readers(model)

    def read(document: object, values: Values, unknown: Unknown) -> None:
        if type(document) is not dict:
            raise Unusual
        for key, given in cast("dict[str, object]", document).items():
            kind, attribute, keeps_empty = plain.get(key, _NOT_PLAIN)
            if type(given) is kind:
                if given or keeps_empty:
                    values[attribute] = given
            elif (read_field := reads.get(key)) is None:
                unknown.append(_name(key))
            elif given is not None:
                read_field(given, values, unknown)

    return read


def _plain_fields(model: type[Input]) -> Mapping[str, "_Plain"]:
    return {field.alias: _plain(model, field) for field in shape_for(model).fields}


def _field_readers(model: type[Input]) -> Mapping[str, Read]:
    reads = {field.alias: _field_reader(model, field) for field in shape_for(model).fields}
    for name, field in model.model_fields.items():  # those of a head have no value here
        reads.setdefault(field.alias or name, _leaf_reader(_adapter(model, name), None, None))
    return {**dict.fromkeys(model.ignored, _skip), **reads}


def _skip(_given: object, _values: Values, _unknown: Unknown) -> None:
    pass


class _Plain(NamedTuple):
    """A field whose every value of one type is valid as it is."""

    kind: type
    attribute: str
    keeps_empty: bool


_NOT_PLAIN = _Plain(Unusual, "", keeps_empty=False)  # no value of a document has this type


def _plain(model: type[Input], field: Field) -> _Plain:
    """Find out whether a field is any text, or any boolean, so that its values need no validator.

    Values of other types go to the validator of the field, as a word of ours does.
    """
    hint: object = field.hint
    if field.part_of(shape_for(model).kind) or not (hint is str or hint is bool):
        return _NOT_PLAIN
    schema = cast("dict[str, Any]", _adapter(model, field.name).core_schema)
    while schema["type"] == "nullable":
        schema = schema["schema"]
    if schema.keys() - {"type", "metadata"} or schema["type"] != _PLAIN_TYPES[hint]:
        return _NOT_PLAIN
    return _Plain(hint, field.attribute, field.default is None or field.is_exact)


_PLAIN_TYPES: dict[type, str] = {str: "str", bool: "bool"}


def _field_reader(model: type[Input], field: Field) -> Read:
    keeps_empty = field.default is None or field.is_exact
    hint: object = field.hint
    if isinstance(hint, type) and issubclass(hint, Input):
        if field.part_of(shape_for(model).kind):
            return _reader(hint)
        return _part_reader(_decoder(hint), field.attribute)
    if (element := _model_in(field.hint)) is not None:
        return _list_reader(_decoder(element), field.attribute, keeps_empty=keeps_empty)
    adapter = _adapter(model, field.name)
    return _leaf_reader(adapter, conversions(hint)[0], field.attribute, keeps_empty=keeps_empty)


def _part_reader(decode: Decode, attribute: str) -> Read:
    def read(given: object, values: Values, unknown: Unknown) -> None:
        values[attribute] = decode(given, unknown)

    return read


def _list_reader(decode: Decode, attribute: str, *, keeps_empty: bool) -> Read:
    share = _sharing()

    def read(given: object, values: Values, unknown: Unknown) -> None:
        if type(given) is not list:
            raise Unusual
        if given or keeps_empty:
            elements = cast("list[object]", given)
            values[attribute] = share(tuple([decode(each, unknown) for each in elements]))

    return read


def _leaf_reader(
    adapter: TypeAdapter[Any],
    convert: Function | None,
    attribute: str | None,
    *,
    keeps_empty: bool = False,
) -> Read:
    """Make the reader of a field that is no model; without an ``attribute`` it only validates."""
    validate, share = adapter.validator.validate_python, _sharing()

    def read(given: object, values: Values, _: Unknown) -> None:
        held = validate(given)
        if attribute is not None and (held or keeps_empty):
            values[attribute] = held if convert is None else share(convert(held))

    return read


def _sharing() -> Function:
    """Make a function that gives the value it was given before, if that is equal.

    The Pods of a workload come one after another, with equal labels and containers: a value
    that many objects share takes the memory of one.
    """
    last: object = None

    def shared(made: object) -> object:
        nonlocal last
        if made != last:
            last = made
            return made
        return last

    return shared


def _model_in(hint: object) -> type[Input] | None:
    """Give the model of the elements of a list; None for any other type."""
    element = bare(get_args(hint)[0]) if get_origin(hint) is list else None
    return element if isinstance(element, type) and issubclass(element, Input) else None


def _adapter(model: type[Input], name: str) -> TypeAdapter[Any]:
    """Make the validator of a field's type alone."""
    field = model.model_fields[name]
    hint: Any = field.annotation
    for each in field.metadata:
        hint = Annotated[hint, each]
    return TypeAdapter(hint, config=ConfigDict(strict=True))


def _name(key: object) -> str:
    if not isinstance(key, str):
        raise Unusual
    return key
