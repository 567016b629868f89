"""Copies of values in which some fields differ, as ``dataclasses.replace`` makes them.

    value, fields -> a value of the same class

The creation of a Service makes more than twenty copies, and ``dataclasses.replace`` takes a sixth
of it: it asks the description of every field, and calls a constructor that takes each by name.
As ``dataclasses`` does, this writes the source of one function for each class, which copies slot
by slot.  Only for classes of frozen values: with slots, and all fields in the constructor.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, NoReturn, TypeVar

V = TypeVar("V")


def replace(value: V, /, **changes: Any) -> V:  # noqa: ANN401  the fields of any class
    """Copy a value with some fields changed; it is the value itself when none of them differs.

    Raises TypeError for a field that the class has not.
    """
    copied: V = _copier(type(value))(value, changes)
    return copied


def setters_of(kind: type[Any]) -> Mapping[str, Callable[[Any, Any], None]]:
    """Give the functions that set the fields of a new object, by their names, in order.

    Raises TypeError for a class that is not one of plain values with slots.
    """
    slots: dict[str, Any] = {each.name: getattr(kind, each.name, None) for each in fields(kind)}
    if hasattr(kind, "__post_init__") or not all(
        hasattr(slot, "__set__") for slot in slots.values()
    ):
        raise TypeError(f"{kind.__name__} is not a plain value with slots")
    return {name: slot.__set__ for name, slot in slots.items()}


@cache
def _copier(kind: type[Any]) -> Callable[[Any, dict[str, Any]], Any]:
    setters = _Setters(setters_of(kind), kind=kind)
    copies = "".join(f"    set_{name}(copied, value.{name})\n" for name in setters)
    source = _COPY.format(copies=copies)
    known = {f"set_{name}": set_ for name, set_ in setters.items()}
    scope: dict[str, Any] = {"kind": kind, "new": object.__new__, "setters": setters, **known}
    exec(source, scope)  # noqa: S102  the source is made of the names of fields alone
    return scope["copy"]


class _Setters(dict[str, Any]):
    """The setters of a class by field; raises TypeError for a name that is no field."""

    def __init__(self, setters: Mapping[str, Any], *, kind: type[Any]) -> None:
        super().__init__(setters)
        self._kind = kind

    def __missing__(self, name: str) -> NoReturn:
        raise TypeError(f"{self._kind.__name__} has no field {name}")


_COPY = """\
def copy(value, changes):
    for name, changed in changes.items():
        if changed is not getattr(value, name, setters):
            break
    else:
        return value
    copied = new(kind)
{copies}
    for name, changed in changes.items():
        setters[name](copied, changed)
    return copied
"""
