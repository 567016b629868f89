"""Labels and annotations as words: what ``label`` and ``annotate`` set and remove.

    svc ent app=x tier- -> words of objects, Marks
    Marks, metadata -> a merge patch, or why not

Source: kubectl `pkg/cmd/label/label.go`, `pkg/cmd/annotate/annotate.go`, and
`pkg/cmd/util/helpers.go`, `GetResourcesAndPairs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import click

from app.cli.fields import Json, mapping, text


class Field(NamedTuple):
    """A field of the metadata, and the words of its verb."""

    name: str
    noun: str
    done: str


LABELS = Field("labels", "label", "labeled")
ANNOTATIONS = Field("annotations", "annotation", "annotated")


@dataclass(slots=True)
class Marks:
    """Keys with their new values, and keys to remove."""

    given: dict[str, str] = field(default_factory=dict[str, str])
    removed: list[str] = field(default_factory=list[str])

    def __bool__(self) -> bool:
        """Whether there is anything to change."""
        return bool(self.given or self.removed)

    def changes(self, kept: Mapping[str, object]) -> dict[str, str | None]:
        """Give what differs from what is there; None is for removal."""
        new = {key: value for key, value in self.given.items() if kept.get(key) != value}
        return {**new, **{key: None for key in self.removed if key in kept}}

    def taken(self, kept: Mapping[str, object]) -> list[str]:
        """Word the keys that have other values already."""
        return [
            f"'{key}' already has a value ({text(kept, key)})"
            for key, value in self.given.items()
            if key in kept and kept[key] != value
        ]


def marks_of(words: Sequence[str], what: Field) -> tuple[tuple[str, ...], Marks]:
    """Split the words of a command: those of objects, then the changes.  Raises BadParameter."""
    first = next((place for place, word in enumerate(words) if _is_change(word)), len(words))
    marks = Marks()
    for word in words[first:]:
        if not _is_change(word):
            problem = f"all resources must be specified before {what.noun} changes: {word}"
            raise click.BadParameter(problem)
        key, equals, value = word.partition("=")
        if equals:
            marks.given[key] = value
        else:
            marks.removed.append(word[:-1])
    both = [key for key in marks.removed if key in marks.given]
    if both:
        problem = f"can not both modify and remove a {what.noun} in the same command: {both[0]}"
        raise click.BadParameter(problem)
    return tuple(words[:first]), marks


def kept_in(document: Json, what: Field) -> Json:
    """Give the labels, or annotations, of an object."""
    return mapping(document, "metadata", what.name)


def _is_change(word: str) -> bool:
    return ("=" in word and not word.startswith("=")) or (word.endswith("-") and word != "-")
