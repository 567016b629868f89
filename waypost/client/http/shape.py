"""The shape that an answer must have, so that programs can rely on what they are given.

    JSON object, Shape -> nothing, or Misbehaved

A wrong URL, a proxy or another server may answer with any JSON.  Only what tells it from the answer
of a registry is checked: the kind, and the fields that no answer lacks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from waypost.client.errors import Misbehaved, shown

Test = Callable[[object], bool]


def is_object(found: object) -> bool:
    """Whether something is a JSON object."""
    return isinstance(found, dict)


def is_text(found: object) -> bool:
    """Whether something is a text."""
    return isinstance(found, str)


def are_objects(found: object) -> bool:
    """Whether something is a list of JSON objects."""
    return isinstance(found, list) and all(map(is_object, cast("list[object]", found)))


def are_texts(found: object) -> bool:
    """Whether something is a list of texts."""
    return isinstance(found, list) and all(map(is_text, cast("list[object]", found)))


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer must be."""

    kind: str = ""
    """The kind that it states; empty for any, or none."""
    fields: Mapping[str, Test] = field(default_factory=dict[str, Test])

    def require(self, document: Mapping[str, object]) -> None:
        """Raise Misbehaved for a document of another shape."""
        kind = document.get("kind")
        if self.kind and kind != self.kind:
            stated = f"of the kind {shown(kind)}" if isinstance(kind, str) else "without a kind"
            raise Misbehaved(f"its answer is {stated} in place of {self.kind}{_QUESTION}")
        for name, is_right in self.fields.items():
            if not is_right(document.get(name)):
                wrong = f"a {name} that it cannot have" if name in document else f"no {name}"
                raise Misbehaved(f"its answer has {wrong}{_QUESTION}")


_QUESTION: Final = "; is this the URL of a Waypost API?"
ANY: Final = Shape()


def of_object(kind: str) -> Shape:
    """Give the shape of an object."""
    return Shape(kind, {"metadata": is_object})


def of_list(kind: str) -> Shape:
    """Give the shape of a list of objects."""
    return Shape(f"{kind}List", {"metadata": is_object, "items": are_objects})
