"""The OpenAPI document: checked in as generated, whole, and fit for generators of clients."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.api import application
from app.main import VERSION

CHECKED_IN = Path(__file__).parents[2] / "openapi.json"
METHODS = {"get", "put", "post", "patch", "delete"}

document: dict[str, Any] = application.build(version=VERSION).openapi()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method} {path}", operation


def test_the_document_is_checked_in_as_generated() -> None:
    assert json.loads(CHECKED_IN.read_text()) == json.loads(json.dumps(document)), (
        "the API has changed: run `make openapi` and review the difference"
    )


def test_operation_names_are_short_and_unique() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert not [name for name, times in Counter(names).items() if times > 1]
    assert not [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]{2,39}", name)]


@pytest.mark.parametrize("part", ["schemas", "responses"])
def test_everything_that_is_referred_to_is_there(part: str) -> None:
    known = set(document["components"][part])
    named = set(re.findall(rf'"#/components/{part}/([^"]+)"', json.dumps(document)))
    assert named <= known


@pytest.mark.parametrize("code", ["400", "401", "403", "408", "414", "415", "421", "429", "431"])
def test_every_route_declares_what_any_request_may_be_answered(code: str) -> None:
    assert all(code in operation["responses"] for _, operation in operations())


def test_credentials_are_a_token_or_a_certificate_or_none() -> None:
    schemes = document["components"]["securitySchemes"]
    assert {name: scheme["type"] for name, scheme in schemes.items()} == {
        "bearerToken": "http",
        "clientCertificate": "mutualTLS",
    }
    assert document["security"] == [{"bearerToken": []}, {"clientCertificate": []}, {}]


def resolved(response: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference to a response that several routes share."""
    name = response.get("$ref", "").rpartition("/")[2]
    return document["components"]["responses"][name] if name else response


def test_every_route_declares_what_it_may_refuse_as_a_status() -> None:
    for name, operation in operations():
        refused = {code for code in operation["responses"] if code[0] in "45"}
        if name not in ("get /livez", "get /version", "get /metrics"):
            assert refused, name
        for code in refused:
            content = resolved(operation["responses"][code])["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Status"}, (name, code)


def test_bodies_and_answers_name_their_shape() -> None:
    for name, operation in operations():
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            is_text = media.startswith("text/")
            assert is_text or "$ref" in content["schema"] or name == "post /apply", name
        for code, response in operation["responses"].items():
            for media, content in response.get("content", {}).items():
                is_text = media.startswith("text/")
                assert is_text or "$ref" in json.dumps(content["schema"]), (name, code, media)
