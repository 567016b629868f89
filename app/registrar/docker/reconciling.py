"""Makes the registry have what should be registered of one engine's containers.

    Desired -> what this registrar has made, by its label -> created, replaced, terminated, removed

What others have made is never changed.  A Pod is written when the digest of its manifest differs
from the one that it carries: a registrar that starts again finds its Pods, and changes none.
A Service that was created stays when its containers go: so does its address.
"""

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.domain.names import NamespacedName
from app.registrar.docker.desired import DIGEST, REGISTRAR_LABEL, Desired
from waypost.client import Waypost
from waypost.client.errors import AlreadyExists, NotFound, Refused
from waypost.client.pace import Notices
from waypost.client.paths import key_of
from waypost.client.shapes import mapping, text

HEARTBEATS_MAX: Final = 1_000  # Pods of one request

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the registry has of an object that this registrar has made."""

    digest: str
    is_terminating: bool = False


class Reconciler:
    """Registers the containers of one engine; its methods raise WaypostError."""

    def __init__(self, waypost: Waypost, registrar: str) -> None:
        """Own what has the label of ``registrar``."""
        self._waypost, self._registrar = waypost, registrar
        self._pods: dict[NamespacedName, _Known] = {}
        self._must_read = True
        self._services: dict[NamespacedName, str] = {}
        """The digests of Services, as they were last seen to be; of others', empty."""
        self._notices = Notices(_log)

    def look_again(self) -> None:
        """Read the registry again before the next change."""
        self._must_read = True

    async def reconcile(self, desired: Desired) -> None:
        """Write what differs; what the registry refuses of one object keeps no other."""
        if self._must_read:
            self._pods, self._must_read = await self._known(), False
            self._services.clear()
        for key, service in desired.services.items():
            if self._services.get(key) not in (_digest_of(service), ""):
                await self._noting(key, self._put_service(key, service))
        for key in sorted(self._pods.keys() - desired.pods.keys()):
            await self._remove(key)
        for key, pod in desired.pods.items():
            await self._noting(key, self._put_pod(key, pod, desired.terminating.get(key)))

    async def renew(self) -> bool:
        """Send heartbeats; return whether the registry has all Pods that it should have."""
        keys = sorted(self._pods)
        has_all = True
        for start in range(0, len(keys), HEARTBEATS_MAX):
            named = [key._asdict() for key in keys[start : start + HEARTBEATS_MAX]]
            answer = await self._waypost.ask("POST", "/heartbeats", {"pods": named})
            for unknown in answer.get("unknown") or ():
                key = NamespacedName(text(unknown, "namespace"), text(unknown, "name"))
                if self._pods.pop(key, None) is not None:
                    has_all = False
        return has_all

    async def _known(self) -> dict[NamespacedName, _Known]:
        selector = f"{REGISTRAR_LABEL}={self._registrar}"
        return {
            NamespacedName(*key_of(pod)): _known_of(pod)
            async for pod in self._waypost.each("Pod", label_selector=selector)
        }

    async def _put_service(self, key: NamespacedName, service: Mapping[str, Any]) -> None:
        """Create a Service, or change one that a registrar has made."""
        try:
            await self._waypost.create(service)
            _log.info("Service %s created", key)
        except AlreadyExists:
            found = await self._waypost.get("Service", key.name, namespace=key.namespace)
            if self._is_ours(found) and _digest_of(found) != _digest_of(service):
                changes = {
                    "metadata": {"annotations": service["metadata"]["annotations"]},
                    "spec": {"ports": service["spec"].get("ports")},
                }
                await self._waypost.patch("Service", key.name, changes, namespace=key.namespace)
                _log.info("Service %s changed", key)
            elif not self._is_ours(found):
                self._services[key] = ""
                return
        self._services[key] = _digest_of(service)

    async def _put_pod(
        self, key: NamespacedName, pod: Mapping[str, Any], grace_s: int | None
    ) -> None:
        known, digest = self._pods.get(key), _digest_of(pod)
        if grace_s is None:
            if known is not None and known.is_terminating:
                await self._remove(key)
                known = None
            if known is None:
                await self._create(key, pod)
            elif known.digest != digest:
                await self._waypost.replace(pod)
            self._pods[key] = _Known(digest)
        elif known is not None and not known.is_terminating:
            await self._waypost.delete(
                "Pod", key.name, namespace=key.namespace, missing_ok=True, grace_period_s=grace_s
            )
            self._pods[key] = _Known(known.digest, is_terminating=True)
            _log.info("Pod %s terminating", key)

    async def _create(self, key: NamespacedName, pod: Mapping[str, Any]) -> None:
        try:
            await self._waypost.create(pod)
        except AlreadyExists:
            found = await self._waypost.get("Pod", key.name, namespace=key.namespace)
            if not self._is_ours(found):
                raise
            await self._waypost.replace(pod)
        _log.info("Pod %s registered", key)

    async def _remove(self, key: NamespacedName) -> None:
        await self._waypost.delete(
            "Pod", key.name, namespace=key.namespace, missing_ok=True, grace_period_s=0
        )
        self._pods.pop(key, None)
        _log.info("Pod %s removed", key)

    def _is_ours(self, found: Mapping[str, Any]) -> bool:
        labels = mapping(found["metadata"]).get("labels")
        return text(labels, REGISTRAR_LABEL) == self._registrar

    async def _noting(self, key: NamespacedName, write: Awaitable[None]) -> None:
        try:
            await write
        except (Refused, NotFound) as refusal:
            self._notices.say(f"{key}: {refusal}", f"{key} is not registered: {refusal}")


def _digest_of(manifest: Mapping[str, Any]) -> str:
    return text(mapping(manifest["metadata"]).get("annotations"), DIGEST)


def _known_of(pod: Mapping[str, Any]) -> _Known:
    is_terminating = bool(text(pod["metadata"], "deletionTimestamp"))
    return _Known(_digest_of(pod), is_terminating=is_terminating)
