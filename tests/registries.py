"""Registries for tests: real ones, on a real database, behind the real application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from app.api import application
from app.api.dependencies import Registry
from app.config import Settings
from app.main import VERSION, running

SMALL_RANGE = ("10.96.0.0/24",)


def some_settings(url: str, **changes: object) -> Settings:
    """Make settings that read neither environment nor files."""
    given: dict[str, object] = {
        "database_url": url,
        "service_cidrs": SMALL_RANGE,
        "cluster_dns": "10.96.0.10",  # also for ranges too small to contain it
        "bootstrap": False,
        **changes,
    }
    return Settings.model_validate(given)


@asynccontextmanager
async def a_registry(url: str, **changes: object) -> AsyncGenerator[Registry, None]:
    """Run a registry on an existing database, with some settings changed."""
    async with running(some_settings(url, **changes), url) as registry:
        yield registry


@asynccontextmanager
async def a_client(app: ASGIApp) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Make a client of an application, without sockets."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@asynccontextmanager
async def an_api(url: str, **changes: object) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Make a client of a registry that runs during the block; only one may run at a time."""
    app = _application()
    async with a_registry(url, **changes) as registry, a_client(app) as client:
        app.state.registry = registry
        yield client


@cache
def _application() -> FastAPI:
    """Build the application once: building its routes takes longer than a test."""
    return application.build(version=VERSION)
