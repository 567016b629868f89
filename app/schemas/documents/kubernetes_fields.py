"""The field names of Kubernetes' own kinds, also of what Waypost does not keep.

    name of a type -> {field: what it holds}

Tells a mistyped field from one that Kubernetes has and Waypost does not keep, and says
which lists are merged by which key.  The names are data, beside this module, that
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
    """What a field holds.

    ``type`` is that of the object, of each element or of each value, empty when they are plain.
    ``key`` is the field that tells the elements of a list apart; one without is replaced whole.
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
