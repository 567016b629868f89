"""Diff shows what an apply would change, and says so by its exit code."""

from pathlib import Path

import pytest

from tests.cli.fake_server import FakeServer, refusal, run

PATH = "/services/default/ent"
LIVE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "ent", "namespace": "default", "resourceVersion": "7"},
    "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.20"},
}
CHANGED = {
    **LIVE,
    "metadata": {"name": "ent", "namespace": "default", "resourceVersion": "8"},
    "spec": {"type": "NodePort", "clusterIP": "10.96.0.20"},
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    made = tmp_path / "ent.yaml"
    made.write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: ent}\nspec: {type: NodePort}\n"
    )
    return str(made)


def test_differences_are_shown_without_what_the_server_sets(file: str) -> None:
    server = FakeServer({("GET", PATH): LIVE, ("PUT", PATH): CHANGED})
    ended = run("diff", "-f", file, server=server)
    assert ended.code == 1
    assert [line for line in ended.out.splitlines() if line[0] in "+-"] == [
        "--- live/Service.default.ent",
        "+++ merged/Service.default.ent",
        "-  type: ClusterIP",
        "+  type: NodePort",
    ]
    assert dict(server.last.url.params) == {"dryRun": "All"}
    body = server.last_body
    assert isinstance(body, dict)
    assert body["spec"] == {"type": "NodePort", "clusterIP": "10.96.0.20"}  # merged, as by apply


def test_without_differences_nothing_is_shown(file: str) -> None:
    server = FakeServer({("GET", PATH): LIVE, ("PUT", PATH): LIVE})
    ended = run("diff", "-f", file, server=server)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_new_object_is_shown_whole(file: str) -> None:
    server = FakeServer({("POST", "/services"): CHANGED})
    ended = run("diff", "-f", file, server=server)
    assert (ended.code, "+kind: Service" in ended.out) == (1, True)


def test_errors_have_another_code_than_differences(file: str) -> None:
    invalid = refusal(422, "Invalid", "invalid", ("spec.type", "unknown"))
    ended = run("diff", "-f", file, server=FakeServer({("POST", "/services"): invalid}))
    assert (ended.code, f"{file}:4: spec.type: unknown" in ended.err) == (2, True)
    assert run("diff", "-f", "/nowhere.yaml").code == 2
    assert "which files?" in run("diff").err
