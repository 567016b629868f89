"""The fields of Kubernetes' own kinds, including those that Waypost does not store.

    name of a type -> {field: type and merge key}

Distinguishes a mistyped field from one that Kubernetes has and Waypost does not store, and
says which lists are merged by which key.  The data is in a JSON file beside this module, which
``tests/recorders/kubernetes_fields`` prints: for each type an object from a field to "" for
a plain value, "T" for an object of type T, "{}T" for a map of them, "[]T" for a list, "[key]T"
for a list merged by its key, and "[=]" for a list merged as a set.

Source: Kubernetes 1.36; spec kubernetes-facade 9.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SET = "="
"""Instead of a key: the elements are plain values, each at most once."""


@dataclass(frozen=True, slots=True)
class Held:
    """The type of a field.

    ``type`` is that of the object, of each element or of each value, empty for plain values.
    ``key`` is the field that identifies elements of a list; a list without one is replaced.
    """

    type: str = ""
    key: str = ""
    is_map: bool = False


PLAIN = Held()
_NO_FIELDS: Mapping[str, Held] = {}


def fields_of(type_name: str) -> Mapping[str, Held]:
    """Give the fields of a type; none for a type that Kubernetes does not have."""
    return _types().get(type_name, _NO_FIELDS) if type_name else _NO_FIELDS


@cache
def _types() -> Mapping[str, Mapping[str, Held]]:
    described: dict[str, dict[str, str]] = json.loads(
        Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    )
    return {
        type_name: {field: _held(text) for field, text in fields.items()}
        for type_name, fields in described.items()
    }


def _held(text: str) -> Held:
    if text.startswith("["):
        key, _, type_name = text.removeprefix("[").partition("]")
        return Held(type_name, key)
    return Held(text.removeprefix("{}"), is_map=text.startswith("{}"))
