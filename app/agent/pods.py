"""The Pods of this node: followed, probed, and what they say reported.

    GET /pods?watch, of this node  -> Prober.see, Prober.forget
    reports of the Prober          -> PATCH /pods/{namespace}/{name}/status
    passing Pods that have a lease -> POST /heartbeats

A Pod that answers its probes lives, so the agent renews its lease; one without
probes that the agent runs is its registrar's affair.

Source: contract.md, "Processes and defaults"; spec kubernetes-api 5.4.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from app.agent.probes import NotReported
from app.client.errors import Refused, RegistryError, RegistryMisbehaved
from app.client.json_reading import UNREADABLE
from app.client.notices import Notices
from app.client.pace import RETRY_S_MIN, Backoff, Clock
from app.client.registry_client import RegistryClient
from app.client.watch import Event, parse_event
from app.domain.changes import ChangeType
from app.domain.names import NamespacedName
from app.domain.objects.pod import Pod
from app.domain.registration.health.readiness import Report, reported
from app.schemas.objects.codec import decode_object, encode_object

WATCH_S: Final = 3600  # after which a stream is begun anew, as everything else is
BEAT_S: Final = 5.0  # between two looks for leases that are due
BEATS_PER_LEASE: Final = 3
_MERGE_PATCH: Final = "application/merge-patch+json"
_log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Whoever wants to see Pods; a Prober is one."""

    def see(self, pod: Pod) -> None:
        """Take note of a Pod as it is now."""
        ...

    def forget(self, key: NamespacedName) -> None:
        """Take note that a Pod is gone."""
        ...


class NodePods:
    """Knows the Pods of one node as the registry has them."""

    def __init__(
        self,
        client: RegistryClient,
        node: str,
        clock: Clock,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).replace(microsecond=0),
    ) -> None:
        """Follow through ``client``; ``now`` is what conditions are dated with."""
        self._client, self._node = client, node
        self._clock, self._now = clock, now
        self._pods: dict[NamespacedName, Pod] = {}
        self._beaten_at_s: dict[NamespacedName, float] = {}
        self._notices = Notices(_log, now_s=clock.now_s)
        self.problem = ""

    async def follow(self, watcher: Watcher) -> None:
        """Show every Pod of the node as it is, until cancelled."""
        backoff = Backoff()
        while True:
            try:
                await self._follow(watcher)
                backoff.succeeded()
                self.problem = ""
            except RegistryError as error:
                self._notices.say("follow", f"the Pods of this node are not followed: {error}")
                self.problem = str(error) or type(error).__name__
                backoff.failed(self._clock.now_s())
            # A stream may also end as soon as it has begun, again and again.
            await self._clock.sleep(max(RETRY_S_MIN, backoff.retry_at_s - self._clock.now_s()))

    async def _follow(self, watcher: Watcher) -> None:
        query = {
            "watch": "true",
            "fieldSelector": f"spec.nodeName={self._node}",
            "timeoutSeconds": str(WATCH_S),
        }
        unseen: set[NamespacedName] | None = set(self._pods)
        with self._client.judging():
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
                raise RegistryMisbehaved("its stream of Pods ended before all were listed")

    def _take(self, event: Event, watcher: Watcher) -> NamespacedName:
        pod = _pod(event.object)
        key = pod.metadata.key
        if event.type == ChangeType.DELETED:
            self._forget(key, watcher)
        else:
            self._pods[key] = pod
            watcher.see(pod)
        return key

    def _forget(self, key: NamespacedName, watcher: Watcher) -> None:
        self._pods.pop(key, None)
        self._beaten_at_s.pop(key, None)
        watcher.forget(key)

    async def report(self, reports: Mapping[NamespacedName, Report]) -> None:
        """Write what probes found to the registry; raises NotReported."""
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
            # As it was when it was judged: what has changed meanwhile is judged again.
            "metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version},
            "status": {"conditions": status["conditions"]},
        }
        path = f"/pods/{meta.namespace}/{meta.name}/status"
        try:
            await self._client.ask("PATCH", path, patch, content_type=_MERGE_PATCH)
        except Refused as refused:
            # It is gone, or another of its name is there: the watch will say so.
            _log.info("the readiness of %s was not taken: %s", meta.key, refused)
        except RegistryError as error:
            raise NotReported(str(error)) from error

    async def keep_leases(self) -> None:
        """Renew the leases of Pods that pass their probes, until cancelled."""
        while True:
            await self.beat()
            await self._clock.sleep(BEAT_S)

    async def beat(self) -> None:
        """Renew the leases that are due."""
        now_s = self._clock.now_s()
        due = [key for key, pod in self._pods.items() if self._is_due(key, pod, now_s)]
        if not due:
            return
        named = [{"namespace": key.namespace, "name": key.name} for key in due]
        try:
            await self._client.ask("POST", "/heartbeats", {"pods": named})
        except RegistryError as error:
            self._notices.say("leases", f"{len(due)} leases were not renewed: {error}")
        else:
            self._beaten_at_s.update(dict.fromkeys(due, now_s))

    def _is_due(self, key: NamespacedName, pod: Pod, now_s: float) -> bool:
        lease_s = pod.lease_duration_s
        if lease_s is None or not pod.is_probed_from_outside or not pod.is_ready:
            return False
        beaten_at_s = self._beaten_at_s.get(key, float("-inf"))
        return now_s - beaten_at_s >= lease_s / BEATS_PER_LEASE


def _pod(wire: Mapping[str, Any]) -> Pod:
    try:
        pod = decode_object(wire).object
    except UNREADABLE as error:
        raise RegistryMisbehaved(f"a Pod that cannot be read: {error}") from error
    if not isinstance(pod, Pod):
        raise RegistryMisbehaved(f"a {type(pod).__name__} in place of a Pod")
    return pod
