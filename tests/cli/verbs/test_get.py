"""Get lists objects, or shows one, in the requested form."""

import json

import httpx

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, refusal, run

ENT: Json = {
    "metadata": {"name": "ent", "namespace": "dev"},
    "spec": {"type": "ClusterIP", "clusterIPs": ["10.96.0.20"], "selector": {"app": "ent"}},
}
SERVICES: Json = {"kind": "ServiceList", "items": [ENT]}


def a_server() -> FakeServer:
    return FakeServer(
        {
            ("GET", "/services"): SERVICES,
            ("GET", "/services/dev/ent"): ENT,
            ("GET", "/nodes"): {"kind": "NodeList", "items": []},
        }
    )


def test_a_list_is_of_the_default_namespace_unless_another_is_given() -> None:
    server = a_server()
    run("get", "svc", server=server)
    assert dict(server.last.url.params) == {"namespace": "default"}
    run("get", "svc", "-A", "-l", "app=ent", server=server)
    assert dict(server.last.url.params) == {"labelSelector": "app=ent"}
    run("get", "nodes", server=server)
    assert dict(server.last.url.params) == {}


def test_a_table_has_kubectls_columns() -> None:
    lines = run("get", "svc", "-A", server=a_server()).out.splitlines()
    assert lines[0].split() == [
        "NAMESPACE", "NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE",
    ]  # fmt: skip
    assert lines[1].split()[:4] == ["dev", "ent", "ClusterIP", "10.96.0.20"]


def test_wide_tables_have_more_columns() -> None:
    assert "SELECTOR" in run("get", "svc", "-o", "wide", server=a_server()).out


def test_one_object_is_read_by_name() -> None:
    server = a_server()
    ended = run("get", "svc/ent", "-n", "dev", "-o", "json", server=server)
    assert json.loads(ended.out) == ENT
    assert server.last.url.path == "/services/dev/ent"


def test_programs_get_the_list_as_the_server_sent_it() -> None:
    assert json.loads(run("get", "svc", "-o", "json", server=a_server()).out) == SERVICES


def test_an_empty_list_is_reported_on_stderr() -> None:
    ended = run("get", "no", server=a_server())
    assert (ended.code, ended.out, ended.err) == (0, "", "no nodes\n")


def test_a_name_and_a_selection_exclude_each_other() -> None:
    ended = run("get", "svc", "ent", "-A", server=a_server())
    assert ended.code == 2
    assert "exclude each other" in ended.err


def test_a_missing_object_is_refused() -> None:
    ended = run("get", "svc", "web", server=a_server())
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("(NotFound)\n")


def test_a_list_of_all_namespaces_falls_back_to_those_that_are_visible() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("visible") == "true":
            return httpx.Response(200, json=SERVICES)
        return refusal(403, "Forbidden", "services is forbidden")

    limited = run("get", "svc", "-A", server=httpx.MockTransport(answer))
    assert (limited.code, "ent" in limited.out) == (0, True)
    assert limited.err == (
        "warning: you may not list services everywhere: these are of visible namespaces\n"
    )
    for words in (("svc", "-n", "dev"), ("nodes", "-A")):
        refused = run("get", *words, server=httpx.MockTransport(answer))
        assert (refused.code, refused.err) == (1, "error: services is forbidden (Forbidden)\n")


def test_an_error_for_missing_credentials_says_where_a_token_is_read_from() -> None:
    server = FakeServer({("GET", "/services"): refusal(401, "Unauthorized", "Unauthorized")})
    assert "WAYPOST_TOKEN" in run("get", "svc", server=server).err
