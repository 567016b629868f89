"""Pods with probes of every kind, as manifests for Kubernetes have them."""

from typing import Any

import httpx
import pytest

Wire = dict[str, Any]

EXEC: Wire = {"exec": {"command": ["pg_isready", "-U", "postgres"]}}
HANDLERS: dict[str, Wire] = {
    "exec": EXEC,
    "httpGet": {"httpGet": {"path": "/ready", "port": "web", "scheme": "HTTPS"}},
    "tcpSocket": {"tcpSocket": {"port": 5432}},
    "grpc": {"grpc": {"port": 9090, "service": None}},
}
SLEEP: Wire = {"sleep": {"seconds": 5}}
MERGE = {"content-type": "application/merge-patch+json"}


def a_pod(**spec: object) -> Wire:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pg-0", "labels": {"app": "pg"}},
        "spec": {"containers": [{"name": "pg"}], **spec},
        "status": {"podIP": "10.244.1.5"},
    }


SERVICE: Wire = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "pg"},
    "spec": {"selector": {"app": "pg"}, "ports": [{"port": 5432}]},
}


async def stored(api: httpx.AsyncClient, pod: Wire) -> Wire:
    answer = await api.post("/pods", json=pod)
    assert answer.is_success, answer.text
    return answer.json()


def the_ready(pod: Wire) -> tuple[str, str]:
    [ready] = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    return ready["status"], ready.get("reason", "")


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("place", ["containers", "initContainers"])
async def test_every_handler_is_kept_as_a_readiness_probe_and_waited_for(
    api: httpx.AsyncClient, handler: str, place: str
) -> None:
    probe = {**HANDLERS[handler], "periodSeconds": 5}
    container: Wire = {"name": "proxy", "readinessProbe": probe}
    if place == "initContainers":
        container["restartPolicy"] = "Always"
    pod = await stored(api, a_pod(**{place: [container]}))
    [kept] = pod["spec"][place]
    for field, value in HANDLERS[handler][handler].items():
        assert kept["readinessProbe"][handler][field] == (value or "")
    reason = "NotReportedYet" if handler == "exec" else "NotProbedYet"
    assert the_ready(pod) == ("False", reason)


@pytest.mark.parametrize("handler", [*HANDLERS, "sleep"])
async def test_probes_and_hooks_that_are_not_stored_are_accepted_with_any_handler(
    api: httpx.AsyncClient, handler: str
) -> None:
    action = HANDLERS.get(handler, SLEEP)
    hooks: Wire = {"lifecycle": {"preStop": action, "postStart": action}}
    if handler != "sleep":
        hooks |= {"livenessProbe": action, "startupProbe": action}
    pod = a_pod(
        containers=[{"name": "pg", **hooks}],
        initContainers=[{"name": "proxy", "restartPolicy": "Always", **hooks}, {"name": "setup"}],
        ephemeralContainers=[{"name": "debug", "targetContainerName": "pg"}],
    )
    answer = await api.post("/pods", json=pod)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert the_ready(answer.json()) == ("True", "NoReadinessProbe")
    assert "spec.containers[0].lifecycle" in answer.headers["warning"]


async def test_a_probe_of_an_ordinary_init_container_is_refused(api: httpx.AsyncClient) -> None:
    init = {"name": "setup", "readinessProbe": EXEC}
    answer = await api.post("/pods", json=a_pod(initContainers=[init]))
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    [cause] = answer.json()["details"]["causes"]
    assert cause["field"] == "spec.initContainers[0].readinessProbe"
    assert cause["reason"] == "FieldValueForbidden"


async def test_a_probe_has_one_handler(api: httpx.AsyncClient) -> None:
    both = {**EXEC, **HANDLERS["tcpSocket"]}
    containers: list[Wire] = [{"name": "pg", "readinessProbe": both}, {"readinessProbe": {}}]
    pod = a_pod(containers=containers)
    answer = await api.post("/pods", json=pod)
    fields = [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert fields == [
        "spec.containers[0].readinessProbe.tcpSocket",
        "spec.containers[1].readinessProbe",
    ]


async def test_a_report_makes_a_pod_ready_whose_probe_is_a_command(api: httpx.AsyncClient) -> None:
    await api.post("/services", json=SERVICE)
    await stored(api, a_pod(containers=[{"name": "pg", "readinessProbe": EXEC}]))
    said = (await api.get("/services/default/pg/explain")).json()
    assert said["endpointsReady"] == 0
    assert (
        "its readinessProbe is exec, which Waypost does not run; report Ready in its status"
        in said["summary"]
    )

    report = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    await api.patch("/pods/default/pg-0/status", json=report, headers=MERGE)
    said = (await api.get("/services/default/pg/explain")).json()
    assert said["endpointsReady"] == 1
    again = await api.post(
        "/apply", json=a_pod(containers=[{"name": "pg", "readinessProbe": EXEC}])
    )
    assert again.is_success
    assert the_ready((await api.get("/pods/default/pg-0")).json())[0] == "True"


async def test_the_readiness_in_a_dump_counts(api: httpx.AsyncClient) -> None:
    dump = a_pod(containers=[{"name": "pg", "readinessProbe": EXEC}])
    dump["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    assert the_ready(await stored(api, dump))[0] == "True"
