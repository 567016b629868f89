"""Strategic merge patch: a merge that knows which lists are keyed, and by what.

    kind, current, patch -> the patched wire shape

Elements of keyed lists are matched by their key and merged, sets of plain
values are united, every other list is replaced.  Directives change this:
``$patch``, ``$retainKeys``, ``$deleteFromPrimitiveList``, ``$setElementOrder``.

Source: spec kubernetes-api 5.7.  Ports are keyed by number alone: as in Kubernetes, a patch of
port 53 without a protocol applies to the first such port, otherwise to that of the protocol.
"""

from collections import Counter
from collections.abc import Mapping
from typing import cast

from app.domain.errors import BadRequest
from app.schemas.documents.kubernetes_fields import PLAIN, SET, Held, fields_of
from app.schemas.documents.paths import join_path, name_type
from app.schemas.patches.keyed_lists import (
    Elements,
    Identity,
    Wire,
    arranged,
    elements_of,
    fields_in,
    member,
    tie_of,
)

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DELETE_VALUES = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_DIRECTIVES = (_PATCH, _RETAIN, _DELETE_VALUES, _ORDER)


class Inapplicable(Exception):
    """The patch is well formed but does not apply to the object."""


def strategic_merge(
    type_name: str, current: Mapping[str, object], patch: Wire, path: str = ""
) -> Wire:
    """Patch an object of a kind, or the part of one at a path.

    Raises BadRequest when a directive is malformed, Inapplicable when an element lacks its key.
    """
    directive = patch.get(_PATCH)
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise BadRequest(f"{_PATCH} at {path or 'the top'} must be replace, delete or merge")
    result = _without_values(path, _retained(path, current, patch), patch)
    orders = _directives(path, patch, _ORDER)
    only_ordered: Wire = {
        key: [] for key in orders if key not in patch and isinstance(result.get(key), list)
    }
    fields = fields_of(type_name)
    for key, value in {**patch, **only_ordered}.items():
        if value is None or (key not in result and member(value, _PATCH) == "delete"):
            result.pop(key, None)
        elif not key.startswith(_DIRECTIVES):
            held, order = fields.get(key, PLAIN), orders.get(key)
            result[key] = _value(join_path(path, key), held, result.get(key), value, order)
    return result


def _value(
    path: str, held: Held, current: object, patch: object, order: list[object] | None = None
) -> object:
    """Merge a value of the patch into the current one; ``order`` is set for its elements."""
    if isinstance(patch, dict):
        type_name = "" if held.is_map else held.type
        return strategic_merge(type_name, fields_in(current), cast("Wire", patch), path)
    if not held.key or not isinstance(patch, list):
        return patch
    return _list(path, held, elements_of(current), cast("list[object]", patch), order)


def _list(
    path: str,
    held: Held,
    current: list[object],
    patch: list[object],
    set_order: list[object] | None,
) -> list[object]:
    kept, wanted, is_replacement = _split(path, current, patch, held)
    if is_replacement:
        return [element for _, element in wanted]
    merged = [*kept]
    choices = _Choices(held, kept, wanted)
    for identity, element in wanted:
        place = choices.place_of(identity, element)
        if place is None:
            choices.add(identity, element)
            merged.append((identity, _value(path, held, None, element)))
        else:
            merged[place] = (identity, _value(path, held, merged[place][1], element))
    placed = [identity for identity, _ in wanted]
    ranked = [identity for identity, _ in kept]
    if set_order is not None:
        order = [_identity(path, each, held.key) for each in set_order]
        placed = _checked_order(path, placed, order)
        # As in Kubernetes, a new element takes the rank of a removed one, at the end.
        ranked = [identity for identity, _ in merged][: len(current)]
    return arranged(merged, [*ranked, *(identity for identity, _ in kept)], placed)


class _Choices:
    """Finds the element of a list that an element of the patch means, if several have its key."""

    def __init__(self, held: Held, kept: Elements, wanted: Elements) -> None:
        self._tie = tie_of(held)
        self._places: dict[Identity, list[tuple[int, object]]] = {}
        self._count = 0
        asked = Counter(identity for identity, _ in wanted)
        self._asked_twice = {identity for identity, count in asked.items() if count > 1}
        for identity, element in kept:
            self.add(identity, element)

    def add(self, identity: Identity, element: object) -> None:
        """Add an element of the list."""
        self._places.setdefault(identity, []).append((self._count, self._tied(element)))
        self._count += 1

    def place_of(self, identity: Identity, element: object) -> int | None:
        """Find the index of the element that is meant; None when it is a new one."""
        places = self._places.get(identity, [])
        named = None if self._tie is None else member(element, self._tie.field)
        if named is not None and (len(places) > 1 or identity in self._asked_twice):
            exact = [place for place, tied in places if tied == named]
            if exact or identity in self._asked_twice:
                return exact[0] if exact else None
        return places[0][0] if places else None

    def _tied(self, element: object) -> object:
        if self._tie is None:
            return None
        named = member(element, self._tie.field)
        return self._tie.default if named is None else named


def _retained(path: str, current: Mapping[str, object], patch: Wire) -> Wire:
    if _RETAIN not in patch:
        return dict(current)
    retained = _list_of(path, patch, _RETAIN)
    if any(key not in retained for key in patch if not key.startswith(_DIRECTIVES)):
        raise BadRequest(f"{_RETAIN} at {path or 'the top'} must name every field of the patch")
    return {key: value for key, value in current.items() if key in retained}


def _without_values(path: str, held: Wire, patch: Wire) -> Wire:
    for name, values in _directives(path, patch, _DELETE_VALUES).items():
        if isinstance(held.get(name), list):
            gone = {_identity(path, value, SET) for value in values}
            kept = [e for e in elements_of(held[name]) if _identity(path, e, SET) not in gone]
            held[name] = kept
    return held


def _directives(path: str, patch: Wire, prefix: str) -> dict[str, list[object]]:
    return {
        name.removeprefix(prefix): _list_of(path, patch, name)
        for name in patch
        if name.startswith(prefix)
    }


def _list_of(path: str, patch: Wire, name: str) -> list[object]:
    value = patch[name]
    if isinstance(value, list):
        return cast("list[object]", value)
    raise BadRequest(f"{join_path(path, name)} must be a list, not {name_type(value)}")


def _identity(path: str, element: object, key: str) -> Identity:
    """Give the key of an element, with its type."""
    value = element
    if key != SET:
        value = member(element, key)
        if not isinstance(element, dict):
            raise BadRequest(f"{path} holds objects, not {name_type(element)}")
        if value is None:
            raise Inapplicable(f"an element of {path} lacks its key, {key}")
    if not isinstance(value, str | int | float):
        raise BadRequest(f"{join_path(path, key) if key else path} cannot hold {name_type(value)}")
    return type(value), value


def _split(
    path: str, current: list[object], patch: list[object], held: Held
) -> tuple[Elements, Elements, bool]:
    """Split off what stays of a list, what the patch sets, and whether that replaces the list."""
    wanted: Elements = []
    gone: Elements = []
    is_replacement = False
    for element in patch:
        directive = member(element, _PATCH)
        if directive is None:
            wanted.append((_identity(path, element, held.key), element))
        elif directive == "delete":
            gone.append((_identity(path, element, held.key), element))
        elif directive == "replace":
            is_replacement = True
        else:
            raise BadRequest(f"{_PATCH} in {path} must be replace or delete")
    there = [(_identity(path, element, held.key), element) for element in current]
    return _without(held, there, gone), wanted, is_replacement


def _without(held: Held, there: Elements, gone: Elements) -> Elements:
    """Remove the elements with the given keys; of several with a key, only the one named."""
    choices = _Choices(held, there, [])
    places = {choices.place_of(*each) for each in gone if _names_its_tie(held, each[1])}
    keys = {identity for identity, element in gone if not _names_its_tie(held, element)}
    return [each for place, each in enumerate(there) if place not in places and each[0] not in keys]


def _names_its_tie(held: Held, element: object) -> bool:
    tie = tie_of(held)
    return tie is not None and member(element, tie.field) is not None


def _checked_order(path: str, placed: list[Identity], order: list[Identity]) -> list[Identity]:
    following = iter(order)
    if not all(identity in following for identity in placed):
        raise Inapplicable(f"the elements of {path} are not in the order of their {_ORDER[:-1]}")
    return order
