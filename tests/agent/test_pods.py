"""The Pods of a node: passed to the watcher, reported on, their leases renewed."""

import json
from typing import Any

import httpx
import pytest

from app.agent.pods import NodePods
from app.agent.probes import NotReported
from app.domain.names import NamespacedName, Uid
from app.domain.objects.pod import ExecAction, Pod, Probe, TCPSocketAction
from app.domain.registration.health.readiness import Report
from app.schemas.objects.codec import encode_object
from tests.builders import a_container, a_pod, key
from tests.client.fake_clock import FakeClock
from waypost.client.http.registry_client import RegistryClient
from waypost.client.pace import PERIOD_S, RETRY_S_MIN

END = {"k8s.io/initial-events-end": "true"}


def pod(name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  any field of a Pod
    document: dict[str, Any] = encode_object(a_pod(name, **fields))
    document["metadata"]["resourceVersion"] = "7"
    return document


def line(type_: str, wire: object) -> str:
    return json.dumps({"type": type_, "object": wire}) + "\n"


def bookmark(**annotations: str) -> str:
    metadata = {"resourceVersion": "9", "annotations": annotations}
    return line("BOOKMARK", {"kind": "Pod", "metadata": metadata})


class Registry(httpx.MockTransport):
    """Answers with one stream after another, and records the requests."""

    def __init__(self, *streams: str | httpx.Response) -> None:
        super().__init__(self._answer)
        self._streams = list(streams)
        self.requests: list[tuple[str, str, Any]] = []
        self.refusal: httpx.Response | None = None

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            assert request.url.params["fieldSelector"] == "spec.nodeName=n1"
            if not self._streams:
                raise Finished
            stream = self._streams.pop(0)
            return httpx.Response(200, text=stream) if isinstance(stream, str) else stream
        self.requests.append((request.method, request.url.path, json.loads(request.content)))
        return self.refusal or httpx.Response(200, json={})


class Finished(Exception):
    """The registry has sent all streams of the test."""


class Shown:
    """A watcher that records its calls."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}

    def see(self, pod: Pod) -> None:
        self.pods[pod.metadata.name] = pod

    def forget(self, key: NamespacedName) -> None:
        self.pods.pop(key.name, None)


async def followed(registry: Registry, clock: FakeClock | None = None) -> tuple[NodePods, Shown]:
    client = RegistryClient(["http://r"], transport=registry)
    pods = NodePods(client, "n1", clock or FakeClock())
    shown = Shown()
    with pytest.raises(Finished):
        await pods.follow(shown)
    return pods, shown


async def test_pods_are_passed_to_the_watcher() -> None:
    stream = (
        line("ADDED", pod("a"))
        + line("ADDED", pod("b"))
        + bookmark(**END)
        + line("MODIFIED", pod("b", ready=False))
        + line("DELETED", pod("a"))
    )
    _, shown = await followed(Registry(stream))
    assert list(shown.pods) == ["b"]
    assert not shown.pods["b"].is_ready


async def test_pods_deleted_between_two_streams_are_forgotten() -> None:
    first = line("ADDED", pod("a")) + line("ADDED", pod("b")) + bookmark(**END)
    second = line("ADDED", pod("b")) + bookmark() + line("ADDED", pod("c")) + bookmark(**END)
    _, shown = await followed(Registry(first, second))
    assert sorted(shown.pods) == ["b", "c"]


async def test_pods_stay_known_when_a_stream_breaks_off() -> None:
    first = line("ADDED", pod("a")) + bookmark(**END)
    _, shown = await followed(Registry(first, line("ADDED", pod("b"))))
    assert sorted(shown.pods) == ["a", "b"]


@pytest.mark.parametrize(
    "nonsense",
    [
        "not json\n",
        "{}\n",
        "[]\n",
        line("ERROR", {"kind": "Status", "message": "too old"}),
        line("ADDED", {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1"}}),
        line("ADDED", "a Pod"),
        line("ADDED", pod("b")),
        line("BOOKMARK", 7),
        line("ERROR", 7),
        line("ERROR", {"kind": "Status", "reason": "Expired", "message": "too old"}),
        "",
        "[" * 100_000 + "\n",
        '{"type":"ADDED","object":' + '{"metadata":' * 900 + "1" + "}" * 901 + "\n",
        httpx.Response(503),
        httpx.Response(404, text="elsewhere"),
    ],
)
async def test_an_invalid_stream_is_retried(nonsense: str | httpx.Response) -> None:
    following = line("ADDED", pod("a")) + bookmark(**END)
    pods, shown = await followed(Registry(nonsense, following))
    assert list(shown.pods) == ["a"]
    assert pods.problem == ""


async def test_streams_that_end_immediately_are_requested_with_a_pause() -> None:
    clock = FakeClock()
    await followed(Registry(*[bookmark(**END)] * 10), clock)
    assert len(clock.slept_s) == 10
    assert min(clock.slept_s) >= RETRY_S_MIN


async def test_a_failing_watch_of_pods_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = line("ADDED", pod("a")) + bookmark(**END)
    clock = FakeClock()
    await followed(Registry(*["nonsense\n", good] * 30), clock)
    said = [words for words in caplog.messages if "cannot follow" in words]
    assert len(said) == 1 + int((clock.time_s - FakeClock().time_s) // PERIOD_S)


async def test_a_report_is_written_as_the_pods_condition() -> None:
    registry = Registry(line("ADDED", pod("a", ready=False)) + bookmark(**END))
    pods, _ = await followed(registry)
    await pods.report({key("a"): Report(uid=Uid("uid-a"), is_ready=True, message="")})
    ((method, path, body),) = registry.requests
    assert (method, path) == ("PATCH", "/pods/default/a/status")
    assert body["metadata"] == {"uid": "uid-a", "resourceVersion": "7"}
    (condition,) = body["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Ready", "True")


async def test_a_report_does_not_apply_to_another_pod_of_the_name() -> None:
    registry = Registry(line("ADDED", pod("a", ready=False)) + bookmark(**END))
    pods, _ = await followed(registry)
    await pods.report({key("a"): Report(uid=Uid("another"), is_ready=True, message="")})
    await pods.report({key("gone"): Report(uid=Uid("uid-gone"), is_ready=True, message="")})
    assert registry.requests == []


async def test_a_refused_report_is_dropped_and_an_unsent_one_is_retried() -> None:
    registry = Registry(line("ADDED", pod("a", ready=False)) + bookmark(**END))
    pods, _ = await followed(registry)
    report = {key("a"): Report(uid=Uid("uid-a"), is_ready=True, message="")}
    registry.refusal = httpx.Response(409, json={"reason": "Conflict", "message": "moved on"})
    await pods.report(report)
    registry.refusal = httpx.Response(503)
    with pytest.raises(NotReported):
        await pods.report(report)


PROBED = a_container(readiness_probe=Probe(tcp_socket=TCPSocketAction(port=80)))
BY_COMMAND = a_container(readiness_probe=Probe(exec=ExecAction(command=("true",))))


async def test_leases_of_ready_pods_are_renewed_in_time() -> None:
    leased = {"containers": (PROBED,), "lease_duration_s": 30}
    stream = (
        line("ADDED", pod("a", **leased))
        + line("ADDED", pod("failing", ready=False, **leased))
        + line("ADDED", pod("unprobed", lease_duration_s=30))
        + line("ADDED", pod("elsewhere", containers=(BY_COMMAND,), lease_duration_s=30))
        + line("ADDED", pod("without", containers=(PROBED,)))
        + bookmark(**END)
    )
    registry, clock = Registry(stream), FakeClock()
    pods, _ = await followed(registry, clock)
    await pods.renew_due()
    await pods.renew_due()
    clock.time_s += 10
    await pods.renew_due()
    assert [(path, body) for _, path, body in registry.requests] == [
        ("/heartbeats", {"pods": [{"namespace": "default", "name": "a"}]})
    ] * 2


async def test_a_failed_renewal_is_retried() -> None:
    registry = Registry(
        line("ADDED", pod("a", containers=(PROBED,), lease_duration_s=30)) + bookmark(**END)
    )
    pods, _ = await followed(registry)
    registry.refusal = httpx.Response(503)
    await pods.renew_due()
    registry.refusal = None
    await pods.renew_due()
    await pods.renew_due()
    assert len(registry.requests) == 2
