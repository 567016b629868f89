"""A write is one trace: its request, its decision and its commit."""

from app.api import application
from app.main import VERSION
from tests.registries import a_client, a_registry
from tests.telemetry.test_tracing import TRACE, TRACEPARENT, recording


async def test_request_decision_and_commit_are_one_trace(database_url: str) -> None:
    app = application.build(version=VERSION, is_traced=True)
    async with a_registry(database_url) as registry, a_client(app) as client:
        app.state.registry = registry
        with recording() as exporter:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
            headers = {"traceparent": TRACEPARENT, "X-Request-Id": "r-1"}
            answer = await client.post("/namespaces", json=body, headers=headers)
            spans = {each.name: each for each in exporter.get_finished_spans()}
    assert answer.headers["traceparent"] == TRACEPARENT
    assert {"POST /namespaces", "write", "decide", "save"} <= spans.keys()
    assert {format(each.context.trace_id, "032x") for each in spans.values() if each.context} == {
        TRACE
    }
    assert spans["POST /namespaces"].attributes == {
        "http.request.method": "POST",
        "http.route": "/namespaces",
        "http.response.status": 201,
        "waypost.request": "r-1",
    }
    assert spans["save"].parent is not None
    assert spans["write"].context is not None
    assert spans["save"].parent.span_id == spans["write"].context.span_id


async def test_without_traces_an_application_answers_as_always(database_url: str) -> None:
    app = application.build(version=VERSION, is_traced=True)
    async with a_registry(database_url) as registry, a_client(app) as client:
        app.state.registry = registry
        assert (await client.get("/namespaces/default")).is_success
