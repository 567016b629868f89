"""The rights of a watch: which kinds and namespaces its caller may follow.

    path and query -> Attributes of the kinds that are named
    request, snapshot, Interest -> Permit, Interest limited to what is allowed; or Forbidden

Source: access.md 2.4 and 2.9.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fastapi import Request
from starlette.datastructures import QueryParams

from app.api.access.authority import require, visible
from app.api.access.identity import Permit, limited, permit_of
from app.api.access.requirements import Asked, is_limited, objects_in
from app.domain import errors
from app.domain.access.attributes import Attributes
from app.domain.resources import RESOURCES_BY_KIND, WATCHED_BY_DEFAULT
from app.domain.snapshot import Snapshot
from app.registry.reads.watch import Interest


def watched(asked: Asked) -> Iterable[Attributes]:
    """Ask for each kind that is named; without names the route finds those that are allowed.

    A watch of several kinds has no field selector, so one that is sent narrows nothing.
    """
    for name in named(asked.query.get("kinds", "")):
        resource = RESOURCES_BY_KIND.get(name)
        if resource is not None and not is_limited(resource, asked.query):
            yield objects_in(resource, "watch", namespace=asked.query.get("namespace", ""))


def named(kinds: str) -> tuple[str, ...]:
    """Split the names of kinds in a query."""
    return tuple(name.strip() for name in kinds.split(",") if name.strip())


def permitted(
    request: Request, snapshot: Snapshot, interest: Interest
) -> tuple[Permit | None, Interest]:
    """Limit a watch to what its caller may see; raises Forbidden when that is nothing.

    What is asked for is what will be followed, whatever the query has besides.  The request may
    have waited for its start meanwhile, so it is evaluated as a whole again.
    """
    permit = permit_of(request.scope)
    if permit is None:
        return None, interest
    permit.require(snapshot)
    query = request.query_params
    wanted = {name: RESOURCES_BY_KIND[name] for name in sorted(interest.kinds)}
    asked = {
        name: objects_in(kind, "watch", namespace=interest.namespace, fields=interest.fields)
        for name, kind in wanted.items()
    }
    if interest.kinds == WATCHED_BY_DEFAULT and not named(query.get("kinds", "")):
        asked = _allowed(snapshot, permit, asked, query)
        interest = replace(interest, kinds=frozenset(asked))
    if not any(is_limited(wanted[name], query) for name in asked):
        return permit.asking(asked.values()), interest
    limit, namespaces = limited(request, snapshot, asked.values())
    return limit, replace(interest, namespaces=namespaces)


def _allowed(
    snapshot: Snapshot, permit: Permit, asked: Mapping[str, Attributes], query: QueryParams
) -> dict[str, Attributes]:
    """Keep the kinds that the caller may watch; raises Forbidden when there is none."""
    user, allowed, refusals = (
        permit.caller.user,
        dict[str, Attributes](),
        list[errors.DomainError](),
    )
    for name, attributes in asked.items():
        try:
            if is_limited(RESOURCES_BY_KIND[name], query):
                visible(snapshot, user, (attributes,))
            else:
                require(snapshot, user, (attributes,))
        except errors.Forbidden as refusal:
            refusals.append(refusal)
        else:
            allowed[name] = attributes
    if not allowed:
        raise refusals[0]
    return allowed
