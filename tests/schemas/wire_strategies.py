"""Hypothesis strategies for any values of the core's dataclasses.

Derived from the field annotations, so that a field added later is drawn too.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from app.domain.objects.meta import ObjectMeta
from app.domain.objects.resource import Object
from app.domain.resources import RESOURCES

T = TypeVar("T")
NOT_ON_THE_WIRE = ("digest", "requested_ips", "resource_version", "revision")
"""Fields that are not on the wire, or share a wire field with another."""

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6
)
integers = st.integers(-(2**31), 2**31 - 1)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # noqa: DTZ001  converted to UTC below
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
json_scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False) | texts
json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


def all_fields(type_: type[T]) -> st.SearchStrategy[T]:
    """Draw a dataclass with each field drawn or left at its default."""
    hints = get_type_hints(type_)
    drawn = {
        field.name: _field(hints[field.name], field)
        for field in fields(cast("type[ObjectMeta]", type_))
        if field.name not in NOT_ON_THE_WIRE
    }
    if type_ is ObjectMeta:
        drawn["revision"] = st.integers(0, 10**18 - 1)
    return st.builds(cast("Callable[..., T]", type_), **drawn)


def _field(hint: object, field: Field[object]) -> st.SearchStrategy[object]:
    if field.default is MISSING:
        return _values(hint)
    # An empty value of a field with another default is absent on the wire.
    return st.just(field.default) | _values(hint).filter(
        lambda value: bool(value) or not field.default
    )


def _values(hint: object) -> st.SearchStrategy[object]:
    hint = getattr(hint, "__supertype__", hint)
    plain: Mapping[object, st.SearchStrategy[object]] = {
        str: texts,
        int: integers,
        bool: st.booleans(),
        datetime: times,
        NoneType: st.none(),
    }
    if hint in plain:
        return plain[hint]
    arguments = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([_values(argument) for argument in arguments])
    if get_origin(hint) is Mapping:
        return st.dictionaries(_values(arguments[0]), _values(arguments[1]), max_size=3)
    if get_origin(hint) is tuple and arguments[-1] is Ellipsis:
        return st.lists(_values(arguments[0]), max_size=2).map(tuple)
    if get_origin(hint) is tuple:
        return st.tuples(*(_values(argument) for argument in arguments))
    assert isinstance(hint, type), hint
    assert is_dataclass(hint), hint
    return st.deferred(lambda: all_fields(hint))


objects: st.SearchStrategy[Object] = st.one_of([all_fields(kind.type) for kind in RESOURCES])
"""Objects of every kind, with arbitrary values in their fields."""
