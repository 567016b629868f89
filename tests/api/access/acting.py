"""An API whose callers a test chooses, without their credentials."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import application
from app.api.access.identity import Caller, Permit, set_permit
from app.api.dependencies import Registry
from app.domain.access.subjects import UNSECURED, User
from app.domain.access.tokens import stored_by_id
from app.domain.snapshot import Snapshot
from app.main import VERSION
from tests.registries import a_registry


@dataclass
class Acting:
    """The application behind a layer that believes a test who asks."""

    app: ASGIApp
    caller: Caller = field(default_factory=lambda: Caller(user=UNSECURED, real=UNSECURED))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        permit = Permit(
            caller=self.caller,
            asked=(),
            tokens_of=stored_by_id,
            now=lambda: datetime.now(UTC),
        )
        set_permit(scope, permit)
        await self.app(scope, receive, send)

    def as_(self, user: User, ends_at: datetime | None = None) -> None:
        self.caller = Caller(user=user, real=user, expires_at=ends_at)


@dataclass(frozen=True)
class Place:
    """A registry, its API, and who asks there."""

    registry: Registry
    api: httpx.AsyncClient
    acting: Acting

    @property
    def snapshot(self) -> Snapshot:
        return self.registry.view.snapshot


@asynccontextmanager
async def a_place(url: str, **settings: object) -> AsyncGenerator[Place, None]:
    app = _application()
    acting = Acting(app)
    async with a_registry(url, **settings) as registry:
        app.state.registry = registry
        transport = httpx.ASGITransport(acting, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as api:
            yield Place(registry, api, acting)


@cache
def _application() -> FastAPI:
    """Build the application once: building its routes takes longer than a test."""
    return application.build(version=VERSION)
