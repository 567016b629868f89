"""Strategic merge patch: a merge that knows which lists are keyed, and by what.

    kind, current, patch -> the patched wire shape

Elements of keyed lists are matched by their key and merged, sets of plain
values are united, every other list is replaced.  Directives say the rest:
``$patch``, ``$retainKeys``, ``$deleteFromPrimitiveList``, ``$setElementOrder``.

Source: spec kubernetes-api 5.7.  Ports are keyed by number alone, so 53/TCP and
53/UDP are one element to a patch, as they are to Kubernetes.
"""

from collections import deque
from collections.abc import Mapping
from typing import cast

from app.domain.errors import BadRequest
from app.schemas.paths import join_path, name_type

Wire = dict[str, object]
Identity = tuple[type[object], object]
Elements = list[tuple[Identity, object]]

_SET = ""  # instead of a key: the elements are plain values, each at most once
_EVERYWHERE = {"metadata.ownerReferences": "uid", "metadata.finalizers": _SET}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "Service": {"spec.ports": "port", "status.conditions": "type"},
    "Pod": {
        "spec.containers": "name",
        "spec.containers.ports": "containerPort",
        "spec.initContainers": "name",
        "spec.initContainers.ports": "containerPort",
        "status.conditions": "type",
        "status.podIPs": "ip",
    },
    "Node": {
        "spec.podCIDRs": _SET,
        "status.addresses": "type",
        "status.conditions": "type",
    },
    "Namespace": {"status.conditions": "type"},
    "ServiceCIDR": {"status.conditions": "type"},
}
_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DELETE_VALUES = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_DIRECTIVES = (_PATCH, _RETAIN, _DELETE_VALUES, _ORDER)


class Inapplicable(Exception):
    """The patch is well formed and does not fit the object."""


def strategic_merge(kind: str, current: Mapping[str, object], patch: Wire) -> Wire:
    """Patch an object of a kind.

    Raises BadRequest when a directive is malformed, Inapplicable when an element lacks its key.
    """
    return _Merge({**_EVERYWHERE, **_KEYS.get(kind, {})}).objects("", current, patch)


class _Merge:
    """The merge for one kind; ``keys`` are by path without indexes."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = keys

    def objects(self, path: str, current: Mapping[str, object], patch: Wire) -> Wire:
        """Merge an object into another."""
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
        for key, value in {**patch, **only_ordered}.items():
            if value is None:
                result.pop(key, None)
            elif not key.startswith(_DIRECTIVES):
                here = join_path(path, key)
                result[key] = self._value(here, result.get(key), value, orders.get(key))
        return result

    def _value(
        self, path: str, current: object, patch: object, order: list[object] | None
    ) -> object:
        if isinstance(patch, dict):
            held = cast("Wire", current) if isinstance(current, dict) else {}
            return self.objects(path, held, cast("Wire", patch))
        if path not in self._keys or not isinstance(patch, list):
            return patch
        return self._lists(path, _elements(current), cast("list[object]", patch), order)

    def _lists(
        self, path: str, current: list[object], patch: list[object], order: list[object] | None
    ) -> list[object]:
        key = self._keys[path]
        kept, wanted, is_replacement = _split(path, current, patch, key)
        if is_replacement:
            return [element for _, element in wanted]
        merged = [*kept]
        places: dict[Identity, int] = {}
        for place, (identity, _) in enumerate(kept):
            places.setdefault(identity, place)
        for identity, element in wanted:
            place = places.setdefault(identity, len(merged))
            if place == len(merged):
                merged.append((identity, None))
            merged[place] = (identity, self._value(path, merged[place][1], element, None))
        placed = [identity for identity, _ in wanted]
        if order is not None:
            placed = _checked_order(path, placed, [_identity(path, each, key) for each in order])
        return _arranged(merged, [identity for identity, _ in kept], placed)


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
            gone = {_identity(path, value, _SET) for value in values}
            kept = [e for e in _elements(held[name]) if _identity(path, e, _SET) not in gone]
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


def _elements(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _field(element: object, name: str) -> object:
    return cast("Wire", element).get(name) if isinstance(element, dict) else None


def _identity(path: str, element: object, key: str) -> Identity:
    """Say what an element is matched by."""
    value = element
    if key != _SET:
        value = _field(element, key)
        if not isinstance(element, dict):
            raise BadRequest(f"{path} holds objects, not {name_type(element)}")
        if value is None:
            raise Inapplicable(f"an element of {path} lacks its key, {key}")
    if not isinstance(value, str | int | float):
        raise BadRequest(f"{join_path(path, key) if key else path} cannot hold {name_type(value)}")
    return type(value), value


def _split(
    path: str, current: list[object], patch: list[object], key: str
) -> tuple[Elements, Elements, bool]:
    """Part what stays from what is wanted; whether the wanted replace the list altogether."""
    wanted: Elements = []
    gone: set[Identity] = set()
    is_replacement = False
    for element in patch:
        directive = _field(element, _PATCH)
        if directive is None:
            wanted.append((_identity(path, element, key), element))
        elif directive == "delete":
            gone.add(_identity(path, element, key))
        elif directive == "replace":
            is_replacement = True
        else:
            raise BadRequest(f"{_PATCH} in {path} must be replace or delete")
    held = [(_identity(path, element, key), element) for element in current]
    return [each for each in held if each[0] not in gone], wanted, is_replacement


def _checked_order(path: str, placed: list[Identity], order: list[Identity]) -> list[Identity]:
    following = iter(order)
    if not all(identity in following for identity in placed):
        raise Inapplicable(f"the elements of {path} are not in the order of their {_ORDER[:-1]}")
    return order


def _arranged(merged: Elements, kept: list[Identity], placed: list[Identity]) -> list[object]:
    """Order what the patch places as it says, and the rest before what it preceded before."""
    rank: dict[Identity, int] = {}
    for position, identity in enumerate(kept):
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
