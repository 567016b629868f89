"""Wait ends when objects are as wanted, and fails when time is over."""

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run, stream


def pod(status: str, version: str = "8") -> Json:
    metadata = {"name": "ent", "namespace": "default", "resourceVersion": version}
    return {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": status}]}}


def a_list(*items: Json) -> Json:
    return {"metadata": {"resourceVersion": "7"}, "items": list(items)}


PODS = ("GET", "/pods")
READY = "--for=condition=Ready"


def test_what_holds_already_is_not_waited_for() -> None:
    server = FakeServer({PODS: a_list(pod("True"))})
    ended = run("wait", "po", "ent", READY, server=server)
    assert (ended.code, ended.out) == (0, "pod/ent condition met\n")
    assert dict(server.last.url.params) == {
        "namespace": "default", "fieldSelector": "metadata.name=ent",
    }  # fmt: skip


def test_changes_are_followed_from_the_list_on() -> None:
    events = (
        {"type": "MODIFIED", "object": pod("False", "8")},
        {"type": "MODIFIED", "object": pod("True", "9")},
    )
    server = FakeServer({PODS: [a_list(pod("False")), stream(*events)]})
    ended = run("wait", "po/ent", READY, server=server)
    assert (ended.code, ended.out) == (0, "pod/ent condition met\n")
    assert server.last.url.params["resourceVersion"] == "7"
    assert server.last.url.params["timeoutSeconds"] == "30"


def test_a_deletion_may_be_waited_for() -> None:
    events = ({"type": "DELETED", "object": pod("True")},)
    server = FakeServer({PODS: [a_list(pod("True")), stream(*events)]})
    assert run("wait", "po/ent", "--for=delete", server=server).code == 0
    assert run("wait", "po/ent", "--for=delete", server=FakeServer({PODS: a_list()})).code == 0


def test_a_timeout_of_zero_checks_once() -> None:
    server = FakeServer({PODS: a_list(pod("False"))})
    ended = run("wait", "po", "ent", READY, "--timeout=0", server=server)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: timed out waiting for the condition on pods/ent\n"
    assert len(server.requests) == 1


def test_a_missing_object_is_refused_unless_its_creation_is_waited_for() -> None:
    server = FakeServer({PODS: a_list()})
    ended = run("wait", "po", "ent", READY, server=server)
    assert (ended.code, "NotFound" in ended.err) == (1, True)
    created = stream({"type": "ADDED", "object": pod("False")})
    server = FakeServer({PODS: [a_list(), created]})
    assert run("wait", "po", "ent", "--for=create", server=server).code == 0


def test_a_selection_without_objects_fails() -> None:
    ended = run("wait", "po", "-l", "app=x", READY, server=FakeServer({PODS: a_list()}))
    assert (ended.code, ended.err) == (1, "error: no matching resources found\n")


def test_a_long_wait_is_of_watches_that_the_server_accepts() -> None:
    changed = stream({"type": "MODIFIED", "object": pod("True")})
    server = FakeServer({PODS: [a_list(pod("False")), stream(), a_list(pod("False")), changed]})
    assert run("wait", "po", "ent", READY, "--timeout=-1s", server=server).code == 0
    watches = [each for each in server.requests if "watch" in each.url.params]
    assert [each.url.params["timeoutSeconds"] for each in watches] == ["3600", "3600"]
