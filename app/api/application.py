"""The HTTP application, assembled from its routers.

    Registry, extra routers -> FastAPI

What a process is made of besides is the composition root's affair.
"""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from app.api import (
    apply,
    clusterips,
    endpoint_slices,
    errors,
    namespaces,
    nodes,
    pods,
    service_cidrs,
    services,
    watch,
)
from app.api.bodies import BodyLimit
from app.api.dependencies import Registry

TITLE = "Waypost"
DESCRIPTION = (
    "The Kubernetes service network without Kubernetes: Services with stable ClusterIPs, "
    "the healthy Pods behind them, names that resolve as a Pod would see them, and the "
    "kernel rules of every node."
)
ROUTERS = (
    services.router,
    pods.router,
    endpoint_slices.router,
    nodes.router,
    namespaces.router,
    service_cidrs.router,
    apply.router,
    clusterips.router,
    watch.router,
)


def build(registry: Registry, *, version: str, more: Iterable[APIRouter] = ()) -> FastAPI:
    """Assemble the application; ``registry`` is what its routes work with."""
    app = FastAPI(title=TITLE, description=DESCRIPTION, version=version)
    app.state.registry = registry
    for router in (*ROUTERS, *more):
        app.include_router(router)
    errors.install(app)
    app.add_middleware(BodyLimit)
    return app
