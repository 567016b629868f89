"""The containers of a value are listed by how deep they lie in it."""

from hypothesis import given
from hypothesis import strategies as st

from app.schemas.documents.containers import Container, containers_in, levels_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: (
        st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=3), below, max_size=4)
    ),
    max_leaves=30,
)


def at_depth(value: object, depth: int) -> list[Container]:
    """List the containers at a depth, one value after the other."""
    found = containers_in([value])
    for _ in range(depth):
        found = [below for each in found for below in containers_in(each)]
    return found


@given(VALUES)
def test_each_level_has_the_containers_in_those_of_the_level_before(value: object) -> None:
    levels = list(levels_of(value))
    assert all(levels)
    for depth, level in enumerate(levels):
        expected = at_depth(value, depth)
        assert [*map(id, level)] == [*map(id, expected)]
    assert not at_depth(value, len(levels))
