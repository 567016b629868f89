"""The HTTP application, assembled from its routers.

    routers -> FastAPI

The composition root puts together the rest of a process.
"""

from fastapi import FastAPI

from app.api import (
    clusterips,
    docs,
    errors,
    explain,
    health,
    heartbeats,
    prometheus,
    render,
    resolve,
    rules,
    rules_watch,
)
from app.api.access import reviews, tokens
from app.api.access.evaluation import Access
from app.api.document.document import complete
from app.api.gate import LIMITS, TRUSTED, Limits, Trusted, stand_before
from app.api.objects import apply, watch
from app.api.objects.collections import collection_router
from app.schemas.objects.wires import WIRES

ROUTERS = (
    *(collection_router(wire) for wire in WIRES if not wire.resource.is_internal),
    tokens.router,
    tokens.changes,
    explain.router,
    heartbeats.router,
    apply.router,
    clusterips.router,
    resolve.router,
    rules.router,
    render.router,
    rules_watch.router,
    watch.router,
    reviews.router,
    health.router,
    prometheus.router,
    docs.router,
)


def build(  # noqa: PLR0913  each is a choice of the composition root
    *,
    version: str,
    limits: Limits = LIMITS,
    trusted: Trusted = TRUSTED,
    access: Access | None = None,
    has_access_log: bool = False,
    is_traced: bool = False,
) -> FastAPI:
    """Assemble the application; its ``state.registry`` is to be set before it serves.

    Without ``access`` every request may do everything.
    """
    app = FastAPI(
        title="Waypost",
        version=version,
        openapi_url=None,  # the framework would derive the document in the event loop
        docs_url=None,  # the framework's pages load scripts from elsewhere
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the metrics are our own
        redirect_slashes=False,  # a path has one spelling; a redirect would repeat any Host
    )
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app)
    routed = (*app.routes, *(route for router in ROUTERS for route in router.routes))
    stand_before(
        app,
        routed,
        limits=limits,
        trusted=trusted,
        access=access,
        has_access_log=has_access_log,
        is_traced=is_traced,
    )
    complete(app)
    app.state.document = docs.document_of(app)
    return app
