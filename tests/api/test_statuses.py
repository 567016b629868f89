"""A status may have every value that Kubernetes' API server accepts, and is kept as sent."""

from typing import Any

import httpx
import pytest

Wire = dict[str, Any]

MERGE = {"content-type": "application/merge-patch+json"}
ODD_CONDITIONS = [
    {"type": "Ready", "status": "perhaps", "reason": "two words", "lastHeartbeatTime": "soon"},
    {"type": "", "status": ""},
]
ADDRESSES = [
    {"type": "InternalIP", "address": "192.0.2.9"},
    {"type": "LegacyHostIP", "address": "192.0.2.9"},
    {"type": "InternalIP", "address": "n9"},
    {"type": "Hostname", "address": "Not.A_Name"},
    {"type": "Hostname", "address": "Not.A_Name"},
    {"type": "", "address": ""},
]


async def written(api: httpx.AsyncClient, method: str, path: str, body: Wire) -> httpx.Response:
    headers = MERGE if method == "PATCH" else None
    answer = await api.request(method, path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer


def warned(answer: httpx.Response) -> str:
    return " ".join(answer.headers.get_list("warning"))


async def test_addresses_and_conditions_of_a_node_are_kept_as_they_are(
    api: httpx.AsyncClient,
) -> None:
    status: Wire = {
        "addresses": ADDRESSES,
        "conditions": ODD_CONDITIONS,
        "capacity": {"cpu": None, "memory": "8Gi", "pods": 110},
        "nodeInfo": {"kernelVersion": "6.1"},
    }
    node: Wire = {"metadata": {"name": "n9"}, "status": status}
    created = await written(api, "POST", "/nodes", node)
    kept = created.json()["status"]
    assert kept["addresses"] == ADDRESSES
    assert [(each["type"], each["status"]) for each in kept["conditions"]] == [
        ("Ready", "perhaps"),
        ("", ""),
    ]
    assert kept["capacity"] == {"cpu": "0", "memory": "8Gi", "pods": "110"}
    said = warned(created)
    assert 'status.addresses[2].address: \\"n9\\" is no IP address' in said
    assert 'status.conditions[0].status: \\"perhaps\\"' in said

    rules = (await api.get("/nodes/n9/ipvs")).json()
    assert rules["kind"] == "NodeRules"
    again = await written(api, "PUT", "/nodes/n9/status", created.json())
    assert again.json()["status"] == kept


async def test_a_node_without_an_address_is_accepted_with_a_warning(api: httpx.AsyncClient) -> None:
    answer = await written(api, "POST", "/nodes", {"metadata": {"name": "n9"}})
    assert "status.addresses: there is no InternalIP or ExternalIP" in warned(answer)
    labelled = await written(api, "PATCH", "/nodes/n9", {"metadata": {"labels": {"a": "b"}}})
    assert warned(labelled) == ""


async def test_podcidr_wins_over_a_different_list(api: httpx.AsyncClient) -> None:
    spec = {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.2.0/24"]}
    answer = await written(api, "POST", "/nodes", {"metadata": {"name": "n9"}, "spec": spec})
    assert answer.json()["spec"]["podCIDRs"] == ["10.244.1.0/24"]


async def test_only_addresses_of_a_pod_status_are_validated(api: httpx.AsyncClient) -> None:
    status: Wire = {
        "phase": "Sleeping",
        "podIP": "10.244.1.5",
        "hostIP": "n1",
        "hostIPs": [{"ip": "n1"}],
        "conditions": ODD_CONDITIONS,
        "containerStatuses": [{"name": "gone", "ready": True}],
        "qosClass": "Any",
    }
    created = await written(api, "POST", "/pods", {"metadata": {"name": "p"}, "status": status})
    kept = created.json()["status"]
    assert (kept["phase"], kept["hostIP"]) == ("Sleeping", "n1")
    assert "status.phase" in warned(created)
    reported = await written(api, "PATCH", "/pods/default/p/status", {"status": {"phase": "?"}})
    assert reported.json()["status"]["phase"] == "?"

    answer = await api.patch(
        "/pods/default/p/status", json={"status": {"podIP": "10.244.1"}}, headers=MERGE
    )
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["details"]["causes"][0]["field"] == "status.podIPs[0].ip"


async def test_a_pod_without_an_address_gives_a_warning(api: httpx.AsyncClient) -> None:
    created = await written(api, "POST", "/pods", {"metadata": {"name": "p"}})
    assert "status.podIPs: the Pod has no address" in warned(created)
    addressed = {"status": {"podIP": "10.244.1.5"}}
    assert warned(await written(api, "PATCH", "/pods/default/p/status", addressed)) == ""


@pytest.mark.parametrize(("period_s", "lasts_s"), [(-5, 1), (0, None), (7, 7), (2**62, 2**31 - 1)])
async def test_any_grace_period_is_accepted_and_ends(
    api: httpx.AsyncClient, period_s: int, lasts_s: int | None
) -> None:
    spec = {"terminationGracePeriodSeconds": period_s}
    pod = {"metadata": {"name": "p"}, "spec": spec, "status": {"podIP": "10.244.1.5"}}
    created = await written(api, "POST", "/pods", pod)
    assert created.json()["spec"]["terminationGracePeriodSeconds"] == period_s
    deleted = (await api.delete("/pods/default/p")).json()
    assert deleted["metadata"].get("deletionGracePeriodSeconds") == lasts_s


async def test_a_grace_period_of_any_length_may_be_asked_for(api: httpx.AsyncClient) -> None:
    await written(api, "POST", "/pods", {"metadata": {"name": "p"}})
    answer = await api.request("DELETE", "/pods/default/p", json={"gracePeriodSeconds": 2**62})
    assert answer.is_success
    assert answer.json()["metadata"]["deletionGracePeriodSeconds"] == 2**31 - 1


@pytest.mark.parametrize(
    ("path", "manifest"),
    [
        ("/namespaces", {"metadata": {"name": "shop"}}),
        (
            "/servicecidrs",
            {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}},
        ),
    ],
)
async def test_conditions_of_any_type_are_accepted(
    api: httpx.AsyncClient, path: str, manifest: Wire
) -> None:
    status = {"phase": "Unheard", "conditions": ODD_CONDITIONS[1:]}
    created = await written(api, "POST", path, {**manifest, "status": status})
    name = manifest["metadata"]["name"]
    await written(api, "PUT", f"{path}/{name}", {**created.json(), "status": status})
