"""Edit writes what the editor left, and nothing when nothing changed."""

import pytest

from tests.cli.fake_server import FakeServer, refusal, run

ENT = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "ent", "namespace": "default", "resourceVersion": "7"},
    "spec": {"type": "ClusterIP"},
}
PATH = "/services/default/ent"


@pytest.fixture(autouse=True)
def _no_editors(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBE_EDITOR", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)


def test_a_change_is_written_at_the_revision_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/ClusterIP/NodePort/")
    server = FakeServer({("GET", PATH): ENT, ("PUT", PATH): ENT})
    ended = run("edit", "svc", "ent", server=server)
    assert (ended.code, ended.out) == (0, "service/ent edited in default\n")
    assert server.last_body == {**ENT, "spec": {"type": "NodePort"}}


@pytest.mark.parametrize("editor", ["true", "truncate -s 0", "sed -i s/.*/#/"])
def test_without_a_change_nothing_is_written(monkeypatch: pytest.MonkeyPatch, editor: str) -> None:
    monkeypatch.setenv("KUBE_EDITOR", editor)
    server = FakeServer({("GET", PATH): ENT})
    ended = run("edit", "svc", "ent", server=server)
    assert (ended.code, ended.out) == (0, "Edit cancelled, no changes made.\n")


def test_a_refusal_opens_the_editor_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "sed -i -e s/NodePort/LoadBalancer/ -e s/ClusterIP/NodePort/")
    invalid = refusal(422, "Invalid", "invalid", ("spec.type", "not that"))
    server = FakeServer({("GET", PATH): ENT, ("PUT", PATH): [invalid, ENT]})
    ended = run("edit", "svc", "ent", server=server)
    assert (ended.code, ended.out) == (0, "service/ent edited in default\n")
    assert server.last_body == {**ENT, "spec": {"type": "LoadBalancer"}}


@pytest.mark.parametrize("editor", ["false", "/nowhere/editor"])
def test_an_editor_that_fails_writes_nothing(monkeypatch: pytest.MonkeyPatch, editor: str) -> None:
    monkeypatch.setenv("VISUAL", editor)
    server = FakeServer({("GET", PATH): ENT})
    ended = run("edit", "svc", "ent", server=server)
    assert (ended.code, "the editor" in ended.err) == (1, True)
    assert [each.method for each in server.requests] == ["GET"]
