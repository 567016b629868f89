"""Get lists objects, or shows one, in the requested form."""

import json

import httpx

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, refusal, run, stream

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


WEB: Json = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "dev"}}
POD: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p1", "labels": {"app": "x"}}}
ROLE: Json = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "reader"},
}


def several() -> FakeServer:
    return FakeServer(
        {
            ("GET", "/services"): {"kind": "ServiceList", "items": [{**WEB}]},
            ("GET", "/services/default/web"): WEB,
            ("GET", "/pods"): {"kind": "PodList", "items": [POD]},
            ("GET", "/pods/default/p1"): POD,
            ("GET", "/roles"): {"items": [ROLE]},
            ("GET", "/nodes"): {"items": []},
        }
    )


def test_several_kinds_are_tables_apart_with_kinds_before_names() -> None:
    ended = run("get", "svc,no,po", server=several())
    assert [line.split()[0] for line in ended.out.splitlines() if line] == [
        "NAME", "service/web", "NAME", "pod/p1",
    ]  # fmt: skip
    assert ended.out.count("\n\n") == 1


def test_several_kinds_are_one_list_for_programs() -> None:
    document = json.loads(run("get", "svc,po", "-o", "json", server=several()).out)
    assert document["kind"] == "List"
    assert document["items"] == [WEB, POD]


def test_names_of_kinds_outside_the_core_have_the_group() -> None:
    out = run("get", "svc,roles", "-o", "name", server=several()).out
    assert out == "service/web\nrole.rbac.authorization.k8s.io/reader\n"


def test_what_is_found_is_printed_before_the_error_for_what_is_missing() -> None:
    ended = run("get", "svc", "web", "nope", "-o", "name", server=several())
    assert (ended.code, ended.out) == (1, "service/web\n")
    assert "(NotFound)" in ended.err
    ended = run("get", "svc", "web", "nope", "--ignore-not-found", "-o=name", server=several())
    assert (ended.code, ended.out, ended.err) == (0, "service/web\n", "")


def test_labels_may_be_columns() -> None:
    ended = run("get", "po", "-L", "app,x/none", "--show-labels", "--no-headers", server=several())
    assert ended.out.split()[-3:] == ["x", "<none>", "app=x"]
    ended = run("get", "po", "-L", "app,x/none", server=several())
    assert ended.out.splitlines()[0].split()[-2:] == ["APP", "NONE"]


def test_templates_are_filled_without_a_newline_of_their_own() -> None:
    assert run("get", "po", "p1", "-o", "jsonpath={.metadata.name}", server=several()).out == "p1"
    listed = run("get", "po", "-o", "jsonpath={.items[*].metadata.name}", server=several())
    assert listed.out == "p1"
    bad = run("get", "po", "p1", "-o", "jsonpath={.a", server=several())
    assert (bad.code, "unclosed action" in bad.err) == (2, True)


def test_a_missing_name_has_the_nearest_one_or_its_namespace() -> None:
    server = FakeServer({("GET", "/services"): {"items": [ENT, WEB]}})
    assert 'did you mean "web"?' in run("get", "svc", "wbe", "-n", "dev", server=server).err
    assert "there is one in dev" in run("get", "svc", "web", server=server).err


def test_an_empty_list_names_the_namespace_that_was_probably_meant() -> None:
    server = FakeServer(
        {
            ("GET", "/services"): {"items": []},
            ("GET", "/namespaces"): {"items": [{"metadata": {"name": "default"}}]},
            ("GET", "/namespaces/default"): {"metadata": {"name": "default"}},
            ("GET", "/namespaces/defualt"): refusal(
                404, "NotFound", "not found", details={"name": "defualt"}
            ),
        }
    )
    ended = run("get", "svc", "-n", "defualt", server=server)
    assert (ended.code, ended.err) == (
        0,
        'no services in defualt; there is no namespace "defualt": did you mean "default"?\n',
    )
    assert run("get", "svc", server=server).err == "no services in default\n"


def test_a_watch_prints_rows_below_the_list() -> None:
    later = {**POD, "metadata": {"name": "p2", "namespace": "default", "resourceVersion": "8"}}
    server = FakeServer(
        {
            ("GET", "/pods"): [
                {"metadata": {"resourceVersion": "7"}, "items": [POD]},
                stream({"type": "MODIFIED", "object": later}, {"type": "ERROR", "object": {}}),
            ]
        }
    )
    ended = run("get", "po", "-w", "--output-watch-events", server=server)
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["EVENT", "NAME"], ["ADDED", "p1"], ["MODIFIED", "p2"],
    ]  # fmt: skip
    assert dict(server.last.url.params) == {
        "namespace": "default", "resourceVersion": "7", "watch": "true",
        "allowWatchBookmarks": "true",
    }  # fmt: skip
    refused = run("get", "po,svc", "-w", server=server)
    assert (refused.code, "a watch is of one kind" in refused.err) == (2, True)
