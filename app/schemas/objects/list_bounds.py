"""Limits for the length of lists in an object, to bound the cost of processing it.

    document -> violations, a path and a count each

A kind may have its own limits, which are validated with its other rules.
"""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from app.domain.errors import BadRequest, Violation
from app.domain.objects.resource import AnyResource
from app.domain.violations import too_many
from app.schemas.documents.paths import join_path
from app.schemas.objects.wires import wire_of

LIST_MAX: Final = 1_000  # members of a list in an object


def require_short_lists(document: Mapping[str, object], resource: AnyResource) -> None:
    """Raise BadRequest, with a cause for each list of an object that is too long."""
    if wire_of(resource).has_own_list_limits:
        return
    if causes := tuple(_too_long(document)):
        raise BadRequest(f"the object is too large: {', '.join(map(str, causes))}", causes=causes)


def _too_long(document: Mapping[str, object]) -> Iterator[Violation]:
    pending: list[tuple[str, object]] = [("", document)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, list) and len(cast("list[object]", value)) > LIST_MAX:
            yield too_many(path, len(cast("list[object]", value)), LIST_MAX)
            continue
        pending.extend(
            (join_path(path, step), below)
            for step, below in named_members_of(value)
            if isinstance(below, dict | list)
        )
