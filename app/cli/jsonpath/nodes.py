r"""The parts of a JSONPath template in kubectl's dialect.

    {range .items[*]}{.metadata.name}{"\n"}{end}
    template -> texts and actions; an action -> steps, each from values to values

Source: k8s.io/client-go `util/jsonpath/node.go`.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the template, or a quoted one in an action."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a truth value, to compare with."""

    value: int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """The member of an object: ``.name`` or ``['name']``."""

    name: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Elements of a list; ``is_single`` for ``[n]``, of which -1 is the last."""

    start: int | None = None
    stop: int | None = None
    step: int | None = None
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Every member or element: ``.*``."""


@dataclass(frozen=True, slots=True)
class Descent:
    """Every value below, the containers among them: ``..``."""


@dataclass(frozen=True, slots=True)
class Union:
    """The values of several paths: ``['a','b']``."""

    paths: tuple["Steps", ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """The elements for which a comparison holds; ``exists`` compares with nothing."""

    left: "Steps"
    operator: str
    right: "Steps"


@dataclass(frozen=True, slots=True)
class Keyword:
    """``range`` or ``end``."""

    name: str


Step: TypeAlias = Text | Literal | Field | Slice | Wildcard | Descent | Union | Filter | Keyword
Steps: TypeAlias = tuple[Step, ...]
Template: TypeAlias = tuple[Text | Steps, ...]


class JSONPathError(ValueError):
    """The template cannot be parsed, or does not fit the document."""
