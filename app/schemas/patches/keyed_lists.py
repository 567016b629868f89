"""Lists whose elements have a key: the identity of elements, and their order.

    lists, type of their elements -> identities, or None when elements cannot be identified
    merged elements -> in the requested order, the others before their former successors

An element is identified by its key, as in Kubernetes' merges.  If several elements share a
key (port 53 for UDP and for TCP), a second field, the tie, is used; docs/decisions/0013.

Source: spec kubernetes-api 5.7, spec kubernetes-facade 9.
"""

from collections import Counter, deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from app.schemas.documents.kubernetes_fields import SET, Held

Wire = dict[str, object]
Identity = Hashable
Elements = list[tuple[Identity, object]]


@dataclass(frozen=True, slots=True)
class Tie:
    """The field that distinguishes elements with one key, and its default."""

    field: str
    default: str = ""


_PROTOCOL = Tie("protocol", "TCP")
_TIES: Mapping[str, Tie] = {
    "ServicePort": _PROTOCOL,
    "ContainerPort": _PROTOCOL,
    "NodeAddress": Tie("address"),
}


def tie_of(held: Held) -> Tie | None:
    """Give the tie of elements that share their key; None where there is none."""
    return _TIES.get(held.type)


def elements_of(value: object) -> list[object]:
    """Give the elements of a list; any other value has none."""
    return cast("list[object]", value) if isinstance(value, list) else []


def fields_in(value: object) -> Wire:
    """Give the fields of an object; any other value has none."""
    return cast("Wire", value) if isinstance(value, dict) else {}


def member(element: object, name: str) -> object:
    """Give a field of an element; None when it has no such field."""
    return fields_in(element).get(name)


def identified(held: Held, *lists: Sequence[object]) -> tuple[list[Identity], ...] | None:
    """Give the identities of the elements of each list.

    None when the list is not merged by a key, or when one of the lists repeats an element or
    has one without its key: such elements cannot be identified.
    """
    if not held.key:
        return None
    keys = [[_key(held, element) for element in elements] for elements in lists]
    if any(None in of_list for of_list in keys):
        return None
    tie = tie_of(held)
    shared = _shared(keys) if tie is not None else frozenset[Identity]()
    identities = tuple(
        [
            (key, _tied(tie, element)) if tie is not None and key in shared else key
            for key, element in zip(of_list, elements, strict=True)
        ]
        for of_list, elements in zip(keys, lists, strict=True)
    )
    return None if any(len(set(each)) < len(each) for each in identities) else identities


def arranged(
    merged: Elements, ranked: Sequence[Identity], placed: Sequence[Identity]
) -> list[object]:
    """Order the ``placed`` elements so, and the rest before their successors in ``ranked``."""
    rank: dict[Identity, int] = {}
    for position, identity in enumerate(ranked):
        rank.setdefault(identity, position)
    place: dict[Identity, int] = {}
    for position, identity in enumerate(placed):
        place.setdefault(identity, position)
    others = deque(each for each in merged if each[0] not in place)
    from_patch = [each for each in merged if each[0] in place]
    result: list[object] = []
    for identity, element in sorted(from_patch, key=lambda each: place[each[0]]):
        while others and rank[others[0][0]] < rank.get(identity, 0):
            result.append(others.popleft()[1])
        result.append(element)
    return [*result, *(element for _, element in others)]


def _key(held: Held, element: object) -> Identity | None:
    """Give the key of an element with its type, so that 1 and true differ."""
    value = element if held.key == SET else member(element, held.key)
    return (type(value), value) if isinstance(value, str | int | float) else None


def _shared(keys: Sequence[Sequence[Identity | None]]) -> frozenset[Identity]:
    """List the keys that several elements of one list have."""
    return frozenset(
        key for of_list in keys for key, count in Counter(of_list).items() if key and count > 1
    )


def _tied(tie: Tie, element: object) -> Identity:
    value = member(element, tie.field)
    return value if isinstance(value, str) else tie.default
