"""A real Prometheus finds what there is to scrape, reads it, and evaluates the rules for alerts.

It comes with Debian's package ``prometheus``; without it these tests are skipped, but for CI.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from tests.end_to_end.processes import free_port, serving
from tests.waiting import eventually

pytestmark = pytest.mark.end_to_end

MONITORING: Final = Path(__file__).parents[2] / "docs" / "monitoring"
RULES = 10


@pytest.fixture(autouse=True)
def _prometheus() -> None:
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        if os.environ.get("CI"):
            pytest.fail("CI is to have prometheus and promtool")
        pytest.skip("prometheus and promtool are not installed")


def promtool(*words: str) -> None:
    done = subprocess.run(
        [shutil.which("promtool") or "promtool", *words],
        cwd=MONITORING,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_valid_and_fire_on_their_trouble_alone() -> None:
    promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts.test.yaml")


def test_each_of_ten_rules_says_what_happened_and_what_to_do() -> None:
    (group,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules) == RULES
    for rule in rules:
        for words in (rule["annotations"]["summary"], rule["annotations"]["action"]):
            assert words.endswith("."), rule["alert"]


@asynccontextmanager
async def prometheus(folder: Path, api_port: int) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Run a Prometheus that discovers by a server, until the block ends."""
    source = {"url": f"http://127.0.0.1:{api_port}/prometheus/targets", "refresh_interval": "1s"}
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(MONITORING / "alerts.yaml")],
        "scrape_configs": [{"job_name": "waypost", "http_sd_configs": [source]}],
    }
    file, port = folder / "prometheus.yaml", free_port()
    file.write_text(yaml.safe_dump(configuration))
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"),
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1") as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


async def answered(client: httpx.AsyncClient, path: str, **query: str) -> Mapping[str, Any]:
    try:
        return (await client.get(path, params=query)).json()["data"]
    except (httpx.TransportError, json.JSONDecodeError):
        return {}


async def test_it_scrapes_the_server_and_a_pod_that_opts_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, prometheus(tmp_path, running.api_port) as client:
        scraped = {"scrape": "true", "port": str(running.api_port), "path": "/metrics"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "own",
                "annotations": {f"prometheus.io/{key}": value for key, value in scraped.items()},
            },
            "status": {"podIP": "127.0.0.1"},
        }
        assert (await running.client.post("/pods", json=pod)).is_success

        async def are_up() -> bool:
            found = await answered(client, "/targets", state="active")
            up = [each for each in found.get("activeTargets", ()) if each["health"] == "up"]
            roles = {each["discoveredLabels"].get("__meta_waypost_role") for each in up}
            return {"server", "pod"} <= roles

        await eventually(are_up, within_s=60)
        found = await answered(client, "/query", query='waypost_revision{job="waypost-server"}')
        assert len(found["result"]) == 1
        await everything_of_the_dashboard_is_known(client)

        async def are_evaluated() -> bool:
            found = await answered(client, "/rules")
            rules = [rule for group in found.get("groups", ()) for rule in group["rules"]]
            return len(rules) == RULES and all(rule["health"] == "ok" for rule in rules)

        await eventually(are_evaluated, within_s=60)


async def everything_of_the_dashboard_is_known(client: httpx.AsyncClient) -> None:
    """Ask every question of the dashboard: Prometheus reads it, and it gives no error."""
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    questions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    assert len(questions) > RULES
    for question in questions:
        query = question.replace("$instance", ".*").replace("$__rate_interval", "1m")
        answer = await client.get("/query", params={"query": query})
        assert answer.status_code == 200, (question, answer.text)
