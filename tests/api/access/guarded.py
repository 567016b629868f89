"""A registry with authentication behind the real application, and callers with tokens."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from app.administrators import FILE_NAME
from app.api import application
from app.api.dependencies import Registry
from app.domain.objects.resource import Object
from app.domain.resources import RESOURCES, resource_of
from app.domain.snapshot import Snapshot
from app.domain.work import Work
from app.main import VERSION
from app.registry.writes import lifecycle
from tests.domain.access.vectors import decoded
from tests.registries import a_client, a_registry
from tests.waiting import WITHIN_S

Wire = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class Clock:
    """The present as requests are judged by it, which a test may put ahead."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Give the time in UTC."""
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A running registry, its application, and the credentials of its administrator."""

    registry: Registry
    app: FastAPI
    client: httpx.AsyncClient
    admin: Mapping[str, str]
    built_in: Snapshot
    clock: Clock
    tokens: dict[tuple[str, ...], Wire] = field(default_factory=dict[tuple[str, ...], Wire])

    @property
    def revision(self) -> int:
        """The revision that the last write has made."""
        return self.registry.view.snapshot.revision

    @property
    def authentications(self) -> float:
        """How many requests have shown a good token."""
        labels = {"method": "token", "result": "success"}
        metrics = self.registry.metrics
        return metrics.get_sample_value("waypost_authentication_total", labels) or 0.0

    async def token(self, user: str, *groups: str) -> Wire:
        """Issue a token to a user, once."""
        known = self.tokens.get((user, *groups))
        if known is None:
            body = {"spec": {"user": user, "groups": list(groups)}}
            made = await self.client.post("/tokens", json=body, headers=self.admin)
            assert made.is_success, made.text
            known = self.tokens[user, *groups] = made.json()
        return known

    async def as_(self, user: str, *groups: str) -> dict[str, str]:
        """The credentials of a user."""
        return bearer((await self.token(user, *groups))["status"]["token"])

    async def hold(self, *documents: Wire) -> int:
        """Register objects as they are, asking for no right; gives the revision."""
        drafts = [decoded(document) for document in documents]
        await self.registry.writer.write(lambda work: _put(work, drafts))
        return self.revision

    async def forget(self) -> None:
        """Leave only what is built in, and no token but the administrator's."""
        self.tokens.clear()
        self.clock.ahead = timedelta()
        await self.registry.writer.write(self._forget)

    def _forget(self, work: Work) -> None:
        for kind in reversed(RESOURCES):
            known = self.built_in.of(kind)
            for key in sorted(work.snapshot.of(kind)):
                found = work.find(kind.name, key)
                if found is not None and key not in known:
                    lifecycle.remove(work, found)
                elif found is not None and found != known[key]:
                    work.put(known[key])


@asynccontextmanager
async def guarded(url: str, folder: Path, **changes: object) -> AsyncGenerator[Guarded, None]:
    """Run a registry with authentication for the length of the block, some settings changed."""
    async with a_registry(url, auth=True, data_dir=folder, **changes) as registry:
        clock = Clock()
        app = _application(registry, clock)
        async with a_client(app) as client:
            yield Guarded(
                registry=registry,
                app=app,
                client=client,
                admin=bearer((folder / FILE_NAME).read_text().strip()),
                built_in=registry.view.snapshot,
                clock=clock,
            )


def _application(registry: Registry, clock: Clock) -> FastAPI:
    assert registry.access is not None
    access = replace(registry.access, now=clock.now)
    app = application.build(version=VERSION, access=access)
    app.state.registry = registry
    return app


async def streaming(
    place: Guarded, path: str, headers: Mapping[str, str]
) -> asyncio.Task[httpx.Response]:
    """Begin a stream, and wait until its head is sent: from then on its start is fixed."""
    is_begun = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            await send(message)
            is_begun.set()

        await place.app(scope, receive, told)

    async def read() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    task = asyncio.create_task(read())
    async with asyncio.timeout(WITHIN_S):
        await is_begun.wait()
    return task


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


def a_rule(verbs: str, *resources: str, group: str = "") -> Wire:
    """A rule of verbs, separated by blanks."""
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": [*resources]}


def a_role(name: str, *rules: Wire, namespace: str = "") -> Wire:
    """A Role, or without a namespace a ClusterRole."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "rules": list(rules),
    }


def a_binding(
    role: str, user: str, *, namespace: str = "", name: str = "", kind: str = "ClusterRole"
) -> Wire:
    """A binding of a role to a user, in one namespace or in all."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {
            "name": name or f"{user}-{role}",
            **({"namespace": namespace} if namespace else {}),
        },
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [{"kind": "User", "apiGroup": RBAC, "name": user}],
    }


def a_service(name: str, namespace: str = "prod", **labels: str) -> Wire:
    """A Service of one port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"ports": [{"port": 80}]},
    }


def a_pod(name: str, namespace: str = "prod", *, node: str = "", ip: str = "10.244.1.5") -> Wire:
    """A Pod with an address."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"nodeName": node} if node else {},
        "status": {"podIPs": [{"ip": ip}]},
    }


def a_namespace(name: str) -> Wire:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def a_node(name: str) -> Wire:
    """A Node."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def _put(work: Work, drafts: list[Object]) -> None:
    for draft in drafts:
        if work.find(resource_of(draft).name, draft.metadata.key) is None:
            lifecycle.create(work, draft)
        else:
            lifecycle.put(work, draft)
