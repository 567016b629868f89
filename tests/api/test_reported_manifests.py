"""Manifests that people reported elsewhere, case by case, against the whole API."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

Case = dict[str, Any]

VECTORS = Path(__file__).parents[1] / "vectors" / "bugs.json"
OURS = ("B2-027", "B2-029", "B2-030", "B2-031", "B2-070", "B2-088")
CASES: list[Case] = [
    case for case in json.loads(VECTORS.read_text())["cases"] if case["id"] in OURS
]
_STEP = re.compile(r"(\w+)(?:\[(.*)\])?\Z")


async def asked(api: httpx.AsyncClient, request: Case) -> httpx.Response:
    if "dns" in request:
        question = {"type": "A", **request["dns"]}
        return await api.get("/resolve", params=question)
    content = request.get("text") or json.dumps(request.get("body"))
    headers = {"content-type": "application/json", **request.get("headers", {})}
    has_body = "text" in request or "body" in request
    return await api.request(
        request["method"],
        request["path"],
        content=content if has_body else None,
        headers=headers if has_body else None,
    )


def found(document: Any, path: str) -> Iterator[Any]:  # noqa: ANN401  JSON
    """Follow ``items[*].endpoints[*].addresses``, or ``conditions[type=Ready].status``."""
    step, _, rest = path.partition(".")
    name, chosen = (_STEP.match(step) or pytest.fail(path)).groups()
    value = document[name]
    key, _, wanted = (chosen or "").partition("=")
    values = [value] if chosen is None else value if key == "*" else [
        each for each in value if each[key] == wanted
    ]  # fmt: skip
    for each in values:
        yield from found(each, rest) if rest else [each]


def assert_holds(check: Case, answer: httpx.Response) -> None:
    assert answer.status_code == check.get("status", answer.status_code), answer.text
    body = answer.json()
    for path, expected in check.get("json", {}).items():
        values = list(found(body, path))
        assert values == (expected["$set"] if isinstance(expected, dict) else [expected])
    expected = check.get("dns", {})
    assert body.get("status") == expected.get("rcode", body.get("status"))
    if "data" in expected:
        assert [f"{each['type']} {each['data']}" for each in body["records"]] == expected["data"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']} {case['title']}")
async def test_a_reported_manifest_does_what_was_expected_of_it(
    api: httpx.AsyncClient, case: Case
) -> None:
    for manifest in case["setup"]:
        (await api.post("/apply", json=manifest)).raise_for_status()
    requests: list[Case] = case["requests"]
    answers = [await asked(api, request) for request in requests]
    checks: list[Case] = case["expect"]["checks"]
    for check in checks:
        place: int = check["request"]
        assert_holds(check, answers[place])
