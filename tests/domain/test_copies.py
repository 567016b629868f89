"""Copies equal those of ``dataclasses.replace``, and leave the value alone."""

import dataclasses
from dataclasses import dataclass, field

import pytest

from app.domain.copies import replace
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.resource import Object
from tests.builders import a_node, a_pod, a_service, an_endpoint_slice


@dataclass(frozen=True)
class Slotless:
    """A value that keeps its fields in a dict."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """A value that its constructor completes."""

    name: str
    folded: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", self.name.lower())


@pytest.mark.parametrize(
    "found", [a_service(), a_pod("p1"), a_node(), an_endpoint_slice()], ids=type
)
def test_a_copy_is_the_one_of_the_standard_library(found: Object) -> None:
    """Inherited fields are copied and changed like the class's own."""
    before = dataclasses.replace(found)
    changed = ObjectMeta(name="other")
    copied = replace(found, metadata=changed)
    assert copied == dataclasses.replace(found, metadata=changed)
    assert type(copied) is type(found)
    assert found == before


def test_nothing_is_copied_when_nothing_differs() -> None:
    """A value is immutable, so that its copy can be itself."""
    meta = ObjectMeta(name="a", labels={"app": "a"})
    assert replace(meta) is meta
    assert replace(meta, name=meta.name, labels=meta.labels) is meta
    assert replace(meta, labels={"app": "a"}) is not meta


def test_a_field_that_the_class_has_not_is_refused() -> None:
    """A mistyped field raises, as in the standard library."""
    with pytest.raises(TypeError, match="ObjectMeta has no field nam"):
        replace(ObjectMeta(), nam="x")


@pytest.mark.parametrize("found", [Slotless(), Completed("A")], ids=type)
def test_a_class_that_does_more_is_refused(found: object) -> None:
    """A value without slots, or with a constructor that computes, needs the standard library."""
    with pytest.raises(TypeError, match="is not a plain value with slots"):
        replace(found)
