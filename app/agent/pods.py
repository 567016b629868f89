"""Follows the Pods of this node, reports the results of their probes, and renews their leases.

    GET /pods?watch, of this node  -> Prober.see, Prober.forget
    reports of the Prober          -> PATCH /pods/{namespace}/{name}/status
    ready Pods that have a lease   -> POST /heartbeats

The agent renews the lease of a Pod that passes its probes; the lease of a Pod without
probes that the agent can run is renewed by its registrar.

Source: contract.md, "Processes and defaults"; spec kubernetes-api 5.4.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from app.agent.probes import NotReported
from app.domain.changes import ChangeType
from app.domain.names import NamespacedName
from app.domain.objects.pod import Pod
from app.domain.registration.health.readiness import Report, reported
from app.schemas.objects.codec import UNREADABLE, decode_object, encode_object
from waypost.client.errors import Misbehaved, Refused, WaypostError
from waypost.client.http.registry_client import MERGE_PATCH, RegistryClient
from waypost.client.leases import RENEWALS_PER_LEASE
from waypost.client.pace import RETRY_S_MIN, Backoff, Clock, Notices
from waypost.client.watching.events import Event, parse_event

WATCH_S: Final = 3600  # after which a stream is restarted with a full list
RENEWAL_S: Final = 5.0  # between two checks for due leases
_log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Receives the Pods; a Prober is one."""

    def see(self, pod: Pod) -> None:
        """Add or update a Pod."""
        ...

    def forget(self, key: NamespacedName) -> None:
        """Remove a Pod."""
        ...


class NodePods:
    """The Pods of one node as the registry has them."""

    def __init__(
        self,
        client: RegistryClient,
        node: str,
        clock: Clock,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).replace(microsecond=0),
    ) -> None:
        """Follow through ``client``; ``now`` gives the timestamps of conditions."""
        self._client, self._node = client, node
        self._clock, self._now = clock, now
        self._pods: dict[NamespacedName, Pod] = {}
        self._renewed_at_s: dict[NamespacedName, float] = {}
        self._notices = Notices(_log, now_s=clock.now_s)
        self.problem = ""

    async def follow(self, watcher: Watcher) -> None:
        """Pass every Pod of the node to ``watcher``, until cancelled."""
        backoff = Backoff()
        while True:
            try:
                await self._follow(watcher)
                backoff.succeeded()
                self.problem = ""
            except WaypostError as error:
                self._notices.say("follow", f"cannot follow the Pods of this node: {error}")
                self.problem = str(error) or type(error).__name__
                backoff.failed(self._clock.now_s())
            # A pause even after success: a server may end every stream immediately.
            await self._clock.sleep(max(RETRY_S_MIN, backoff.retry_at_s - self._clock.now_s()))

    async def _follow(self, watcher: Watcher) -> None:
        query = {
            "watch": "true",
            "fieldSelector": f"spec.nodeName={self._node}",
            "timeoutSeconds": str(WATCH_S),
        }
        unseen: set[NamespacedName] | None = set(self._pods)
        with self._client.failing_over():
            async with aclosing(self._client.lines("/pods", query=query)) as batches:
                async for lines in batches:
                    for event in map(parse_event, lines):
                        if not event.is_bookmark:
                            key = self._take(event, watcher)
                            if unseen is not None:
                                unseen.discard(key)
                        elif unseen is not None and event.ends_initial:
                            for key in unseen:
                                self._forget(key, watcher)
                            unseen = None
            if unseen is not None:
                raise Misbehaved("its stream of Pods ended before all were listed")

    def _take(self, event: Event, watcher: Watcher) -> NamespacedName:
        pod = read_pod(event.object)
        key = pod.metadata.key
        if event.type == ChangeType.DELETED:
            self._forget(key, watcher)
        else:
            self._pods[key] = pod
            watcher.see(pod)
        return key

    def _forget(self, key: NamespacedName, watcher: Watcher) -> None:
        self._pods.pop(key, None)
        self._renewed_at_s.pop(key, None)
        watcher.forget(key)

    async def report(self, reports: Mapping[NamespacedName, Report]) -> None:
        """Write the results of probes to the registry; raises NotReported."""
        for key, report in reports.items():
            pod = self._pods.get(key)
            if pod is None:
                continue
            desired = reported(pod, report, now=self._now())
            if desired is not pod:
                await self._write(desired)

    async def _write(self, pod: Pod) -> None:
        status: Any = encode_object(pod)["status"]
        meta = pod.metadata
        patch = {
            # The version that was evaluated: if the Pod has changed since, it is evaluated again.
            "metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version},
            "status": {"conditions": status["conditions"]},
        }
        path = f"/pods/{meta.namespace}/{meta.name}/status"
        try:
            await self._client.ask("PATCH", path, patch, content_type=MERGE_PATCH)
        except Refused as refused:
            # The Pod is gone or was replaced; the watch will show it.
            _log.info("the registry refused the readiness of %s: %s", meta.key, refused)
        except WaypostError as error:
            raise NotReported(str(error)) from error

    async def keep_leases(self) -> None:
        """Renew the leases of Pods that pass their probes, until cancelled."""
        while True:
            await self.renew_due()
            await self._clock.sleep(RENEWAL_S)

    async def renew_due(self) -> None:
        """Renew the leases that are due."""
        now_s = self._clock.now_s()
        due = [key for key, pod in self._pods.items() if self._is_due(key, pod, now_s)]
        if not due:
            return
        named = [{"namespace": key.namespace, "name": key.name} for key in due]
        try:
            await self._client.ask("POST", "/heartbeats", {"pods": named})
        except WaypostError as error:
            self._notices.say("leases", f"{len(due)} leases were not renewed: {error}")
        else:
            self._renewed_at_s.update(dict.fromkeys(due, now_s))

    def _is_due(self, key: NamespacedName, pod: Pod, now_s: float) -> bool:
        lease_s = pod.lease_duration_s
        if lease_s is None or not pod.is_probed_from_outside or not pod.is_ready:
            return False
        renewed_at_s = self._renewed_at_s.get(key, float("-inf"))
        return now_s - renewed_at_s >= lease_s / RENEWALS_PER_LEASE


def read_pod(wire: Mapping[str, object]) -> Pod:
    """Read a Pod from the registry; raises Misbehaved."""
    try:
        found = decode_object(wire).object
    except UNREADABLE as error:
        raise Misbehaved(f"a Pod that cannot be read: {error}") from error
    if not isinstance(found, Pod):
        raise Misbehaved(f"a {type(found).__name__} in place of a Pod")
    return found
