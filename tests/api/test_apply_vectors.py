"""What people reported elsewhere of manifests on their way in, as cases."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.registries import an_api

Wire = dict[str, Any]
FILE = Path(__file__).parents[1] / "vectors" / "bugs.json"
IDS = ("B2-009", "B2-037", "B2-040", "B2-043", "B2-045")
CASES: list[Wire] = [case for case in json.loads(FILE.read_text())["cases"] if case["id"] in IDS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_what_was_reported_is_mended(case: Wire, database_url: str) -> None:
    async with an_api(database_url, bootstrap=True) as api:
        for manifest in case["setup"]:
            assert (await api.post("/apply", json=manifest)).is_success
        requests: list[Wire] = case["requests"]
        answers = [await _sent(api, request) for request in requests]
    checks: list[Wire] = case["expect"]["checks"]
    for check in checks:
        _check(answers, check)


async def _sent(api: httpx.AsyncClient, request: Wire) -> httpx.Response:
    content = request.get("text")
    if content is None and "body" in request:
        content = json.dumps(request["body"])
    headers = {"content-type": "application/json", **request.get("headers", {})}
    return await api.request(request["method"], request["path"], content=content, headers=headers)


def _check(answers: list[httpx.Response], check: Wire) -> None:
    if "same" in check:
        first, second, path = check["same"]
        before, after = (_at(answers[int(index)], path) for index in (first, second))
        assert before == after is not None
        return
    answer = answers[int(check.get("request", -1))]
    if "status" in check:
        assert answer.status_code == check["status"], answer.text
    for path, matcher in check.get("json", {}).items():
        assert len(_at(answer, f"json.{path}")) == matcher["$len"]
    for name, matcher in check.get("header", {}).items():
        assert matcher["$contains"] in answer.headers[name]


def _at(answer: httpx.Response, path: str) -> Any:  # noqa: ANN401  JSON
    found: Any = answer.json()
    for step in path.removeprefix("json.").replace("[", ".").replace("]", "").split("."):
        found = found[int(step) if step.isdecimal() else step]
    return found
