"""Refusals as clients see them."""

import pytest

from app.domain.errors import (
    BadRequest,
    CauseReason,
    Conflict,
    Expired,
    Invalid,
    NotFound,
    Violation,
)
from app.schemas.status import Status, failure, status_of, success_of
from tests.builders import an_endpoint_slice


def test_an_invalid_object_is_named_by_its_kind_with_every_cause() -> None:
    causes = [
        Violation(CauseReason.INVALID, "spec.ports[0].port", "must be between 1 and 65535"),
        Violation(CauseReason.REQUIRED, "spec.ports[1].name", "Required value"),
    ]

    assert status_of(Invalid("Service", "ent", causes), 422) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'Service "ent" is invalid: [spec.ports[0].port: must be between 1 and 65535, '
        "spec.ports[1].name: Required value]",
        "reason": "Invalid",
        "details": {
            "name": "ent",
            "kind": "Service",
            "causes": [
                {
                    "reason": "FieldValueInvalid",
                    "message": "must be between 1 and 65535",
                    "field": "spec.ports[0].port",
                },
                {
                    "reason": "FieldValueRequired",
                    "message": "Required value",
                    "field": "spec.ports[1].name",
                },
            ],
        },
        "code": 422,
    }


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("Service", {"kind": "services"}),
        ("EndpointSlice", {"kind": "endpointslices", "group": "discovery.k8s.io"}),
        ("Deployment", {"kind": "Deployment"}),
    ],
)
def test_every_other_refusal_names_the_resource(kind: str, details: dict[str, str]) -> None:
    status = status_of(NotFound("no").about(kind, "ent"), 404)

    assert status["details"] == {"name": "ent", **details, "causes": []}
    assert (status["reason"], status["code"]) == ("NotFound", 404)


def test_a_refusal_may_say_when_to_retry() -> None:
    status = status_of(Conflict("moved on"), 409, retry_after_s=1)

    assert status["details"] == {"causes": [], "retryAfterSeconds": 1}


@pytest.mark.parametrize(
    "status",
    [
        status_of(BadRequest("x"), 400),
        status_of(Expired("gone"), 410),
        failure(404, "NotFound", "no such path"),
    ],
)
def test_refusals_match_their_schema(status: dict[str, object]) -> None:
    assert Status.model_validate(status).status == "Failure"


def test_an_expired_list_has_a_continue_token() -> None:
    assert status_of(Expired("gone", token="go-on"), 410)["metadata"] == {"continue": "go-on"}  # noqa: S106  not a secret


def test_a_deletion_names_the_deleted_object() -> None:
    status = success_of(an_endpoint_slice())

    assert Status.model_validate(status).status == "Success"
    assert status["details"] == {
        "name": "web-abcde",
        "kind": "endpointslices",
        "group": "discovery.k8s.io",
        "uid": "uid-web-abcde",
        "causes": [],
    }
