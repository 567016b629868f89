"""The containers of a JSON value: its objects and lists, level by level.

    value -> the containers at depth 0, 1, 2, …

Without imports of a parser: a DNS replica decodes objects, and reads no documents.
"""

from collections.abc import Iterable, Iterator
from typing import cast

Container = dict[str, object] | list[object]
_CONTAINERS = (dict, list)


def members_of(value: object) -> Iterable[object]:
    """Give the direct members of a container; any other value has none."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def containers_in(value: object) -> list[Container]:
    """Give the containers among the direct members of a value."""
    return cast(
        "list[Container]", [each for each in members_of(value) if type(each) in _CONTAINERS]
    )


def levels_of(value: object) -> Iterator[list[Container]]:
    """Yield the containers of a value, level by level."""
    level = containers_in([value])
    while level:
        yield level
        # Written out, for a request has hundreds of thousands of containers.
        level = cast(
            "list[Container]",
            [
                below
                for each in level
                for below in (each.values() if isinstance(each, dict) else each)
                if type(below) in _CONTAINERS
            ],
        )
