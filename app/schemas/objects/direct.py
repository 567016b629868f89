"""Decoding of documents without making the models of the parts that they consist of.

    model, document -> value, fields that no model has        or Unusual, and then the models decide

The same declarations say what is read: the fields of the models (``shapes``), and for each value
in a field the validator that pydantic makes of its type.  What is skipped is an instance for
every part of a document.  For whatever pydantic may refuse or alter this raises ``Unusual``: the
models word what is wrong, or accept it after all.

The function for a class of the domain is written as source, with a variable for each attribute:

    if (held := get_1('nodeName')) is not None:
        found_1 += 1
        held = held if type(held) is str else validate(held)
        if held: of_node_name = held

Source: docs/decisions/0017 and 0024.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache, partial
from inspect import signature
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter

from app.domain.copies import setters_of
from app.schemas.base import Input, parse_time
from app.schemas.objects.shapes import Field, Shape, bare, conversions, shape_for
from app.schemas.objects.source import Function, Source

Unknown = list[str]
"""The fields found that no model has, by name."""
Read = Callable[[Any, Unknown], Any]


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


def decode_kept(model: type[Input], document: object) -> Any:  # noqa: ANN401  the class that the model stands for
    """Make the value of a document that the store keeps, without what is only of requests.

    A part that equals that of the document before is not decoded again: the Pods of a workload
    come one after another.  Raises Unusual as ``decode_directly`` does.
    """
    try:
        return _decoder(model, is_kept=True)(document, [])
    except (ValueError, RecursionError):
        raise Unusual from None


@cache
def _decoder(model: type[Input], *, is_kept: bool = False) -> Read:
    writing = _Writing(shape_for(model), is_kept=is_kept)
    writing.read(model, "document", 0)
    return writing.compiled()


class _Writing:
    """The source of a decoder; a variable ``of_x`` has the value of the attribute ``x``."""

    def __init__(self, shape: Shape, *, is_kept: bool) -> None:
        self._source, self._shape, self._is_kept = Source(), shape, is_kept
        self._absent = {
            name: self._source.call(default) if is_made else self._source.name(default)
            for name, (default, is_made) in _absent(shape).items()
        }
        self._attributes = tuple(self._absent)

    def read(self, model: type[Input], document: str, depth: int) -> None:
        """Add the reading of a document, or of a part of it, in a block of some depth."""
        source = self._source
        source.add(f"if type({document}) is not dict: raise {source.name(Unusual)}", depth=depth)
        source.add(f"get_{depth}, found_{depth} = {document}.get, 0", depth=depth)
        known = {field.name: field for field in shape_for(model).fields}
        for name, given in model.model_fields.items():
            source.add(
                f"if (held := get_{depth}({given.alias or name!r})) is not None:", depth=depth
            )
            source.add(f"found_{depth} += 1", depth=depth + 1)
            if (field := known.get(name)) is None:  # that of a head has no value here
                source.add(_leaf(source, _adapter(model, name), str), depth=depth + 1)
            elif field.part_of(self._shape.kind):
                source.add(f"part_{depth} = held", depth=depth + 1)
                self.read(field.hint, f"part_{depth}", depth + 1)
            else:
                self._assign(model, field, depth + 1)
        names = {given.alias or name for name, given in model.model_fields.items()}
        rest = source.call(partial(_add_others, names | model.ignored), document, "unknown")
        source.add(f"if found_{depth} != len({document}): {rest}", depth=depth)

    def _assign(self, model: type[Input], field: Field, depth: int) -> None:
        """Add the reading of ``held``, the value that a document has in a field."""
        self._absent.setdefault(field.attribute, self._source.name(field.default))
        reading = _reading(model, field, self._source, is_kept=self._is_kept)
        keeps_empty = field.default is None or field.is_exact
        self._source.add(f"held = {reading}", depth=depth)
        condition = "" if keeps_empty else "if held: "
        self._source.add(f"{condition}of_{field.attribute} = held", depth=depth)

    def compiled(self) -> Read:
        """Make the function, which sets what a document lacks before it reads it."""
        source, shape = self._source, self._shape
        start = "; ".join(f"of_{name} = {absent}" for name, absent in self._absent.items())
        for attribute, each in shape.derived.items():
            taken = map("of_{}".format, each.fields)
            source.add(f"of_{attribute} = {source.call(each.function, *taken)}")
            for name, zero in each.fields.items() if each.of_requests and self._is_kept else ():
                source.add(f"of_{name} = {zero!r}")
        return source.compiled("document, unknown", start=start, end=self._made())

    def _made(self) -> str:
        """Write what makes the object: it sets the slots of a plain class, as copies do."""
        source, kind = self._source, self._shape.kind
        if not isinstance(kind, type):
            given = (f"{name}=of_{name}" for name in self._attributes)
            return f"return {source.call(kind, *given)}"
        setters = setters_of(kind)
        source.add(f"made = {source.call(object.__new__, source.name(kind))}")
        for name in self._attributes:
            source.add(source.call(setters[name], "made", f"of_{name}"))
        return "return made"


def _absent(shape: Shape) -> Mapping[str, tuple[Any, bool]]:
    """Give the values of attributes that a document lacks; True where the value makes them."""
    kind: Any = shape.kind
    given = signature(kind).parameters
    made = {each.name: each.default_factory for each in fields(kind)} if is_dataclass(kind) else {}
    return {
        name: (shape.zeros[name], False)
        if name in shape.zeros
        else (made[name], True)
        if made.get(name, MISSING) is not MISSING
        else (parameter.default, False)
        for name, parameter in given.items()
    }


def _reading(model: type[Input], field: Field, source: Source, *, is_kept: bool) -> str:
    """Write the value of a field, made of ``held``."""
    hint: Any = field.hint
    part = _model(hint)
    if part is not None:
        read = _decoder(part, is_kept=is_kept)
        return source.call(_unless_equal(read) if is_kept else read, "held", "unknown")
    if get_origin(hint) is list and (element := _model(bare(get_args(hint)[0]))) is not None:
        read = _list_reader(_decoder(element, is_kept=is_kept))
    else:
        adapter, convert = _adapter(model, field.name), conversions(hint)[0]
        if convert is None:
            return _leaf(source, adapter, hint)
        read = _converter(adapter, convert)
    return source.call(_unless_equal(read) if is_kept else _sharing(read), "held", "unknown")


def _leaf(source: Source, adapter: TypeAdapter[Any], hint: object) -> str:
    """Write the value of a field that is not converted; most need no validator."""
    validated = source.call(adapter.validator.validate_python, "held")
    if hint is datetime:
        return f"{source.call(parse_time, 'held')} if type(held) is str else {validated}"
    test = _test(adapter)
    return validated if test is None else f"held if {test} else {validated}"


def _test(adapter: TypeAdapter[Any]) -> str | None:
    """Write a test that only valid values pass; None where there is none so simple."""
    schema = cast("dict[str, Any]", adapter.core_schema)
    while schema["type"] == "nullable":
        schema = schema["schema"]
    match {key: value for key, value in schema.items() if key != "metadata"}:
        case {"type": "str" | "bool" as kind, **others} if not others:
            return f"type(held) is {kind}"
        case {"type": "int", "ge": int(least), "le": int(most), **others} if not others:
            return f"type(held) is int and {least} <= held <= {most}"
        case _:
            return None


def _list_reader(decode: Read) -> Read:
    def read(given: Any, unknown: Unknown) -> object:  # noqa: ANN401  a value of JSON
        if given.__class__ is not list:
            raise Unusual
        return tuple([decode(each, unknown) for each in given])

    return read


def _converter(adapter: TypeAdapter[Any], convert: Function) -> Read:
    validate = adapter.validator.validate_python

    def read(given: object, _: Unknown) -> object:
        return convert(validate(given))

    return read


def _sharing(read: Read) -> Read:
    """Let a reader give the value that it gave before, if that is equal.

    The Pods of a workload come one after another, with equal labels and containers: a value
    that many objects share takes the memory of one.
    """
    last: object = None

    def shared(given: object, unknown: Unknown) -> object:
        nonlocal last
        made, before = read(given, unknown), last  # documents are decoded in several threads
        if made == before:
            return before
        last = made
        return made

    return shared


def _unless_equal(read: Read) -> Read:
    """Let a reader give the value that it gave before, if it is given an equal document.

    Only for documents of our own: those of others may have 1 for true, which is equal.
    """
    last: tuple[object, object] = None, None

    def shared(given: object, unknown: Unknown) -> object:
        nonlocal last
        before, made = last  # documents are decoded in several threads
        if given != before:
            made = read(given, unknown)
            last = given, made
        return made

    return shared


def _model(hint: Any) -> type[Input] | None:  # noqa: ANN401  the type of any field
    """Give a type that is a model; None for any other."""
    return hint if isinstance(hint, type) and issubclass(hint, Input) else None


def _adapter(model: type[Input], name: str) -> TypeAdapter[Any]:
    """Make the validator of a field's type alone."""
    field = model.model_fields[name]
    hint: Any = field.annotation
    for each in field.metadata:
        hint = Annotated[hint, each]
    return TypeAdapter(hint, config=ConfigDict(strict=True))


def _add_others(
    known: Collection[str], document: Mapping[object, object], unknown: Unknown
) -> None:
    """Add the names of fields that a document has besides those ``known``, which may be null."""
    for key in document:
        if key not in known:
            if not isinstance(key, str):
                raise Unusual
            unknown.append(key)
