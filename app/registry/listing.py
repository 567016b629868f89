"""Lists of one kind: filtered, sorted, and cut into pages that belong together.

    Snapshot, Listing -> Page          continue text <-> (revision, last key)

Every page of a list is served from the revision of its first: an earlier
snapshot is the current one with the changes since then undone.

Source: spec kubernetes-api 5.3.
"""

import base64
import json
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass, replace

from app.domain.changes import Change
from app.domain.errors import BadRequest, Expired
from app.domain.fields import FieldSelector
from app.domain.labels import EVERYTHING, Selector
from app.domain.names import NamespacedName, Revision
from app.domain.objects.kinds import Kind, Object
from app.domain.snapshot import Snapshot
from app.registry.view import View

LIMIT_MAX = 10_000  # objects of one page, whatever the client asks for
TOKEN_CHARACTERS_MAX = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a client wants listed; ``limit`` 0 means everything."""

    kind: Kind
    namespace: str = ""
    labels: Selector = EVERYTHING
    fields: FieldSelector
    limit: int = 0
    token: str = ""
    exact_revision: Revision | None = None

    def picks(self, registered: Object) -> bool:
        """Whether an object belongs to the list."""
        meta = registered.metadata
        return (
            (not self.namespace or meta.namespace == self.namespace)
            and self.labels.matches(meta.labels)
            and self.fields.matches(registered)
        )

    @property
    def is_filtered(self) -> bool:
        """Whether selectors leave something out."""
        return bool(self.labels.requirements) or bool(self.fields.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: ``token`` is empty on the last, ``remaining`` None when it is not known."""

    objects: tuple[Object, ...]
    revision: Revision
    token: str = ""
    remaining: int | None = None


def list_page(view: View, listing: Listing) -> Page:
    """Make the page a client asks for.

    Raises BadRequest for a token that is none of ours, Expired when the
    revision it belongs to is too old.
    """
    snapshot, after = _start(view, listing)
    keys = _candidates(snapshot, listing)
    limit = min(listing.limit or LIMIT_MAX, LIMIT_MAX) if listing.limit else len(keys)
    objects = snapshot.of_kind(listing.kind.name)
    found: list[Object] = []
    first = 0 if after is None else bisect_right(keys, after)
    for position in range(first, len(keys)):
        registered = objects[keys[position]]
        if not listing.picks(registered):
            continue
        if len(found) == limit:
            return Page(
                objects=tuple(found),
                revision=snapshot.revision,
                token=_format_token(snapshot.revision, found[-1].metadata.key),
                remaining=None if listing.is_filtered else len(keys) - position,
            )
        found.append(registered)
    return Page(objects=tuple(found), revision=snapshot.revision)


def at(view: View, revision: Revision) -> Snapshot:
    """Give the state at an earlier revision; raises Expired when it is too far back."""
    undone = tuple(
        Change(revision=change.revision, before=change.after, after=change.before)
        for change in reversed(view.history(revision))
    )
    return replace(view.snapshot.apply(undone), revision=revision)


def _start(view: View, listing: Listing) -> tuple[Snapshot, NamespacedName | None]:
    current = view.require_synced()
    if listing.token:
        revision, after = _parse_token(listing.token)
        if revision > current.revision:
            raise BadRequest("the continue token is of a revision that is not there yet")
        try:
            return at(view, revision), after
        except Expired as expired:
            fresh = _format_token(current.revision, after)
            raise Expired(
                "The provided continue parameter is too old to display a consistent list. "
                "Begin anew, or go on inconsistently with the token in this answer's metadata.",
                token=fresh,
            ) from expired
    if listing.exact_revision is not None:
        return at(view, listing.exact_revision), None
    return current, None


def _candidates(snapshot: Snapshot, listing: Listing) -> list[NamespacedName]:
    """Sort the keys that can match, by the narrowest index that applies."""
    kind = listing.kind.name
    sets = [
        snapshot.members("label", kind, requirement.key, requirement.wanted_value)
        for requirement in listing.labels.requirements
        if requirement.wanted_value is not None
    ]
    sets.extend(snapshot.members(*term) for term in listing.fields.index_terms(listing.kind))
    if listing.namespace:
        sets.append(snapshot.members(kind, listing.namespace))
    if not sets:
        return sorted(snapshot.of_kind(kind))
    return sorted(min(sets, key=len))


def _format_token(revision: Revision, after: NamespacedName) -> str:
    start = {"v": "meta.k8s.io/v1", "rv": revision, "start": [after.namespace, after.name]}
    return base64.urlsafe_b64encode(json.dumps(start).encode()).decode().rstrip("=")


def _parse_token(token: str) -> tuple[Revision, NamespacedName]:
    padded = token + "=" * (-len(token) % 4)
    read: object = None
    if len(token) <= TOKEN_CHARACTERS_MAX:
        with suppress(ValueError, RecursionError):
            read = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    match read:
        case {"v": "meta.k8s.io/v1", "rv": int(rv), "start": [str(namespace), str(name)]}:
            return Revision(rv), NamespacedName(namespace, name)
        case _:
            raise BadRequest("continue key is not valid")
