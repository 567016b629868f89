"""Three-way merge of an object, as in ``kubectl apply``.

    kind, current, last, wanted -> the object to write
    a path of that object -> the path in the document that it came from

Values in the document win; values that only the last applied document has are removed; values
of other writers stay.  This applies to fields of objects and to elements of lists with a key;
other lists are replaced, and so are lists whose elements cannot be identified.
Works on wire shapes.

Source: contract.md, "POST /apply"; spec kubernetes-api 5.7; docs/decisions/0013.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from app.schemas.documents.kubernetes_fields import PLAIN, SET, Held, fields_of
from app.schemas.documents.paths import join_path, steps_of
from app.schemas.patches.keyed_lists import (
    Elements,
    Identity,
    Wire,
    arranged,
    elements_of,
    fields_in,
    identified,
    member,
)

_REPORTED_WHOLE = frozenset({"PodIP"})
"""Elements of lists that a registrar always reports whole: a missing address is gone."""


def three_way_merge(
    kind: str,
    current: Mapping[str, object],
    last: Mapping[str, object],
    wanted: Mapping[str, object],
) -> Wire:
    """Merge ``wanted`` into ``current``, given the document ``last`` applied.

    ``kind`` is that of the object, or the name of the type of a part of it.
    """
    fields = fields_of(kind)
    result = {key: value for key, value in current.items() if key in wanted or key not in last}
    for key, value in wanted.items():
        if value is None:
            result.pop(key, None)
        else:
            held = fields.get(key, PLAIN)
            result[key] = _value(held, current.get(key), last.get(key), value)
    return result


class Places:
    """Finds elements of merged lists in the lists of a document, and caches the results.

    The lists must live as long as this, or until ``clear``.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], _Identities] = {}

    def clear(self) -> None:
        """Forget all lists."""
        self._known.clear()

    def of(
        self, held: Held, merged: Sequence[object], document: Sequence[object], index: int
    ) -> int | None:
        """Find an element of a merged list in that of the document; None when it is absent."""
        if index >= len(merged):
            return index
        lists = id(merged), id(document) if document else 0  # an empty list may be a temporary one
        if lists not in self._known:
            self._known[lists] = _identities(held, merged, document)
        known = self._known[lists]
        return index if known is None else known[1].get(known[0][index])


_Identities: TypeAlias = "tuple[Sequence[Identity], Mapping[Identity, int]] | None"


def _identities(held: Held, merged: Sequence[object], document: Sequence[object]) -> _Identities:
    found = identified(held, merged, document)
    if found is None:
        return None
    merged_ids, document_ids = found
    return merged_ids, {identity: place for place, identity in enumerate(document_ids)}


def document_path(
    kind: str,
    path: str,
    merged: Mapping[str, object],
    document: Mapping[str, object],
    places: Places | None = None,
) -> str:
    """Translate a path of the merged object to one of its document.

    An element that the document does not have is named by its key instead of its index.
    """
    places = Places() if places is None else places
    found, held = "", Held(kind)
    here: object = merged
    there: object = document
    for step in steps_of(path):
        if isinstance(step, str):
            found = join_path(found, step)
            held = fields_of(held.type).get(step, PLAIN)
            here, there = member(here, step), member(there, step)
            continue
        place = places.of(held, elements_of(here), elements_of(there), step)
        if place is None:
            found += f"[{_shown(held, elements_of(here)[step])}]"
        else:
            found = join_path(found, place)
        here = _element(here, step)
        there = None if place is None else _element(there, place)
    return found or path


def _value(held: Held, current: object, last: object, wanted: object) -> object:
    if isinstance(wanted, dict):
        type_name = "" if held.is_map else held.type
        stated = cast("Mapping[str, object]", wanted)
        return three_way_merge(type_name, fields_in(current), fields_in(last), stated)
    if isinstance(wanted, list) and held.key and held.type not in _REPORTED_WHOLE:
        return _list(held, elements_of(current), elements_of(last), cast("list[object]", wanted))
    return cast("object", wanted)


def _list(
    held: Held, current: list[object], last: list[object], wanted: list[object]
) -> list[object]:
    found = identified(held, current, last, wanted) or identified(held, current, [], wanted)
    if found is None:
        return wanted
    current_ids, last_ids, wanted_ids = found
    gone = {*last_ids} - {*wanted_ids}
    merged: Elements = [
        (identity, element)
        for identity, element in zip(current_ids, current, strict=True)
        if identity not in gone
    ]
    kept = [identity for identity, _ in merged]
    places = {identity: place for place, identity in enumerate(kept)}
    before = dict(zip(last_ids, last, strict=False))
    for identity, element in zip(wanted_ids, wanted, strict=True):
        place = places.get(identity, len(merged))
        if place == len(merged):
            merged.append((identity, None))
        value = _value(held, merged[place][1], before.get(identity), element)
        merged[place] = (identity, value)
    # As in Kubernetes, a new object takes the rank of a removed one, at the end.
    ranked = [] if held.key == SET else [identity for identity, _ in merged][: len(current)]
    return arranged(merged, [*ranked, *kept], wanted_ids)


def _element(value: object, index: int) -> object:
    elements = elements_of(value)
    return elements[index] if index < len(elements) else None


def _shown(held: Held, element: object) -> str:
    return str(element) if held.key == SET else f"{held.key}={member(element, held.key)}"
