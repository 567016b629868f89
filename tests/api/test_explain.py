"""An explanation over HTTP: a sentence, then each Pod with its reasons."""

from typing import Any

import httpx
import pytest

from app.cli.verbs.reading.explain import print_explanation
from app.schemas.explanation import ServiceExplanation
from tests.registries import an_api

WEB = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}


def a_pod(name: str, app: str, *ips: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"app": app}},
        "status": {"podIPs": [{"ip": ip} for ip in ips]},
    }


async def explained(client: httpx.AsyncClient, name: str = "web") -> dict[str, Any]:
    response = await client.get(f"/services/default/{name}/explain")
    assert response.status_code == httpx.codes.OK, response.text
    ServiceExplanation.model_validate_json(response.content)
    return response.json()


async def test_near_misses_come_first_with_the_expected_labels(database_url: str) -> None:
    async with an_api(database_url) as client:
        await client.post("/services", json=WEB)
        for pod in (a_pod("far", "db", "10.0.0.1"), a_pod("near", "wbe", "10.0.0.2")):
            await client.post("/pods", json=pod)
        said = await explained(client)

    assert said["kind"] == "Explanation"
    assert said["endpointsReady"] == 0
    assert "the nearest is near: it wants app=web, has app=wbe" in said["summary"]
    assert [pod["pod"]["name"] for pod in said["pods"]] == ["near", "far"]
    assert said["pods"][0]["selected"] is False
    assert [reason["code"] for reason in said["pods"][0]["reasons"]] == ["SelectorMismatch"]


async def test_the_command_line_prints_the_explanation_of_the_api(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with an_api(database_url) as client:
        await client.post("/services", json=WEB)
        await client.post("/pods", json=a_pod("web-1", "web", "10.0.0.1"))
        await client.post("/pods", json=a_pod("web-2", "web"))
        said = await explained(client)

    print_explanation(said)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == said["summary"]
    assert [" ".join(line.split()) for line in printed[3:]] == [
        "web-2 NotAnEndpoint it has no address (phase Pending)",
        "web-1 Ready",
    ]


async def test_a_service_that_does_not_exist_is_not_explained(database_url: str) -> None:
    async with an_api(database_url) as client:
        response = await client.get("/services/default/nobody/explain")

    assert response.status_code == httpx.codes.NOT_FOUND
    assert response.json()["details"]["name"] == "nobody"
