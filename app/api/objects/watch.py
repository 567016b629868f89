"""Routes of watching: one stream of changes for any set of kinds.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api import errors as api_errors
from app.api.access.requirements import requires
from app.api.access.watches import named, permitted, watched
from app.api.dependencies import Registry, RegistryOf
from app.api.document.declared import STREAMS, Answered, Sent, answered, declared
from app.api.errors import refusals
from app.api.http.delivery import NDJSON, SSE, EventStream, ndjson_frame, sse_frame
from app.api.objects.lists import namespaces_header, require_consistent, require_start
from app.api.objects.streams import TIMEOUT_S_MAX, Watch
from app.domain import errors
from app.domain.changes import require_resumable
from app.domain.fields import parse_field_selector
from app.domain.label_queries import parse_selector
from app.domain.names import REVISION_ZERO, Revision
from app.domain.objects.resource import AnyResource
from app.domain.resources import PUBLIC, WATCHED_BY_DEFAULT
from app.registry.reads.view import View
from app.registry.reads.watch import Interest
from app.schemas.objects.metadata import parse_revision
from app.schemas.queries import ListQuery, WatchQuery

router = APIRouter(tags=["changes"])


async def answer_watch(
    request: Request, query: ListQuery | WatchQuery, registry: Registry, kind: AnyResource | None
) -> Response:
    """Begin a stream; raises Expired when its start is too old, Overloaded at the limit."""
    if isinstance(query, ListQuery):
        require_consistent(query)
    watching = registry.watching
    since = await _start(request, query, registry.view)
    interest = _interest(query, kind)
    permit, interest = permitted(request, registry.view.require_synced(), interest)
    watching.require_room(None if permit is None else permit.holder)
    is_sse = SSE in request.headers.get("accept", "")
    watch = Watch(
        interest=interest,
        frame=sse_frame if is_sse else ndjson_frame,
        since=since,
        timeout_s=min(query.timeout_seconds or TIMEOUT_S_MAX, TIMEOUT_S_MAX),
        kind=kind,
        progress=isinstance(query, WatchQuery) and query.progress,
        permit=permit,
    )
    return EventStream(
        watching.stream(watch),
        media_type=SSE if is_sse else NDJSON,
        headers={
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            **namespaces_header(interest.namespaces),
        },
    )


@router.get(
    "/watch",
    operation_id="watch",
    summary="Watch the changes of all kinds",
    status_code=HTTPStatus.OK,
    response_class=EventStream,
    responses={
        **answered(
            HTTPStatus.OK.value,
            Answered.NAMESPACES,
            description="Events: one a line, or for a client that accepts `text/event-stream` "
            "server-sent events. Of these, `event` is the type, `data` the object, and `id` the "
            "revision to resume after.",
            content=STREAMS,
        ),
        **refusals(
            errors.BadRequest,
            errors.Expired,
            errors.Invalid,
            errors.NotSynced,
            errors.RevisionAhead,
            api_errors.Overloaded,
        ),
    },
    openapi_extra=declared(headers=[Sent.LAST_EVENT_ID]),
)
@requires(watched)
async def watch_changes(
    request: Request, query: Annotated[WatchQuery, Query()], registry: RegistryOf
) -> Response:
    """Begin with the objects that there are, or after a revision, and follow all changes."""
    return await answer_watch(request, query, registry, None)


async def _start(request: Request, query: ListQuery | WatchQuery, view: View) -> Revision | None:
    """Give the revision to begin after; None begins with the current objects."""
    resumed = request.headers.get("last-event-id", "")
    text = resumed or query.resource_version
    require_start(text, "Last-Event-ID" if resumed else "resourceVersion")
    asked = query.send_initial_events if isinstance(query, ListQuery) and not resumed else None
    snapshot = view.require_synced()
    since = parse_revision(text or "0")
    if since == REVISION_ZERO:
        return snapshot.revision if asked is False else None
    await view.wait_for(since)
    if asked:
        return None
    require_resumable(since, compacted=view.compacted)
    return since


def _interest(query: ListQuery | WatchQuery, kind: AnyResource | None) -> Interest:
    labels = parse_selector(query.label_selector)
    if kind is not None and isinstance(query, ListQuery):
        return Interest(
            kinds=frozenset({kind.name}),
            namespace=query.namespace if kind.is_namespaced else "",
            labels=labels,
            fields=parse_field_selector(query.field_selector, kind),
        )
    assert isinstance(query, WatchQuery), "a watch of several kinds has no field selector"
    kinds_named = named(query.kinds)
    watched = [each.name for each in PUBLIC]
    for name in kinds_named:
        if name not in watched:
            raise errors.BadRequest(f"kinds: {name} is not one of {', '.join(watched)}")
    kinds = frozenset(kinds_named) or WATCHED_BY_DEFAULT
    return Interest(kinds=kinds, namespace=query.namespace, labels=labels)
