"""Contradicting parameters of lists and watches."""

import httpx
import pytest

FOR_A_MOMENT = {"timeoutSeconds": "1"}


def refusal(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    status = answer.json()
    causes = [(cause["field"], cause["reason"]) for cause in status["details"]["causes"]]
    return answer.status_code, status["reason"], causes


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"resourceVersionMatch": "Exact"}, ["resourceVersionMatch"]),
        ({"resourceVersionMatch": "NotOlderThan"}, ["resourceVersionMatch"]),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, ["resourceVersionMatch"]),
        (
            {"resourceVersionMatch": "Exact", "resourceVersion": "1", "continue": "x"},
            ["resourceVersionMatch"],
        ),
        ({"sendInitialEvents": "true"}, ["sendInitialEvents"]),
        (
            {"sendInitialEvents": "false", "resourceVersionMatch": "Exact"},
            ["sendInitialEvents", "resourceVersionMatch"],
        ),
        ({"watch": "true", "resourceVersionMatch": "NotOlderThan"}, ["resourceVersionMatch"]),
        (
            {"watch": "true", "resourceVersionMatch": "Exact", "sendInitialEvents": "true"},
            ["resourceVersionMatch"],
        ),
    ],
)
async def test_contradictions_are_told_all_at_once(
    api: httpx.AsyncClient, query: dict[str, str], fields: list[str]
) -> None:
    answer = await api.get("/services", params={**FOR_A_MOMENT, **query})
    causes = [(field, "FieldValueForbidden") for field in fields]
    assert refusal(answer) == (422, "Invalid", causes)
    assert answer.json()["details"]["kind"] == "ListOptions"


async def test_a_streaming_list_is_asked_for_as_clients_do(api: httpx.AsyncClient) -> None:
    query = {"watch": "true", "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    assert (await api.get("/services", params={**FOR_A_MOMENT, **query})).is_success


@pytest.mark.parametrize("revision", ["abc", "-1", "1.0", "9" * 40, "١"])  # noqa: RUF001
@pytest.mark.parametrize("path", ["/services", "/services/default/ent", "/clusterips"])
async def test_what_is_no_revision_is_not_read_at(
    api: httpx.AsyncClient, path: str, revision: str
) -> None:
    answer = await api.get(path, params={"resourceVersion": revision})
    causes = [("resourceVersion", "FieldValueInvalid")]
    assert refusal(answer) == (400, "BadRequest", causes)


@pytest.mark.parametrize("path", ["/services?watch=true", "/watch"])
async def test_a_stream_does_not_begin_at_what_is_no_revision(
    api: httpx.AsyncClient, path: str
) -> None:
    url = httpx.URL(path).copy_merge_params(FOR_A_MOMENT)
    causes = [("resourceVersion", "FieldValueInvalid")]
    begun = await api.get(url.copy_merge_params({"resourceVersion": "abc"}))
    assert refusal(begun) == (422, "Invalid", causes)
    resumed = await api.get(url, headers={"last-event-id": "abc"})
    assert refusal(resumed) == (422, "Invalid", [("Last-Event-ID", "FieldValueInvalid")])


@pytest.mark.parametrize(
    ("method", "query", "field", "kind"),
    [
        ("GET", {"resourceVersionMatch": "No"}, "resourceVersionMatch", "ListOptions"),
        ("POST", {"fieldValidation": "strict"}, "fieldValidation", "WriteOptions"),
    ],
)
async def test_words_outside_a_closed_vocabulary_are_invalid(
    api: httpx.AsyncClient, method: str, query: dict[str, str], field: str, kind: str
) -> None:
    answer = await api.request(method, "/services", params=query, json={})
    assert refusal(answer) == (422, "Invalid", [(field, "FieldValueNotSupported")])
    assert answer.json()["details"]["kind"] == kind


async def test_parameters_that_cannot_be_read_are_a_bad_request(api: httpx.AsyncClient) -> None:
    answer = await api.get("/services", params={"limit": "x", "resourceVersionMatch": "No"})
    causes = [("limit", "FieldValueInvalid"), ("resourceVersionMatch", "FieldValueNotSupported")]
    assert refusal(answer) == (400, "BadRequest", causes)
    missing = await api.get("/resolve")
    assert refusal(missing) == (400, "BadRequest", [("name", "FieldValueRequired")])
