"""Contexts are made, chosen and used; options and the environment win over them."""

from pathlib import Path

import pytest

from tests.cli.fake_server import Ended, FakeServer, run

SERVER = "http://127.0.0.2:8053"


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "config")


def config(file: str, *words: str, stdin: str = "") -> Ended:
    return run("config", *words, config=file, stdin=stdin)


@pytest.fixture
def lab(file: str) -> str:
    made = config(file, "set-context", "lab", "--server", SERVER, "-n", "dev", "--token=wpu_lab")
    assert made.out == 'Context "lab" created.\n'
    return file


def asked(file: str, *words: str) -> tuple[str, str, str]:
    """Give host, namespace and token of a request."""
    server = FakeServer({("GET", "/services"): {"items": [{"metadata": {"name": "x"}}]}})
    ended = run("get", "svc", *words, server=server, config=file)
    assert ended.code == 0, ended.err
    last = server.last
    return last.url.host, last.url.params["namespace"], last.headers.get("authorization", "")


def test_the_first_context_is_the_current_one_and_its_values_count(lab: str) -> None:
    assert config(lab, "current-context").out == "lab\n"
    assert asked(lab) == ("127.0.0.2", "dev", "Bearer wpu_lab")


def test_options_and_the_environment_win(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(lab, "-n", "other") == ("127.0.0.2", "other", "Bearer wpu_lab")
    monkeypatch.setenv("WAYPOST_TOKEN", "wpu_mine")
    assert asked(lab) == ("127.0.0.2", "dev", "Bearer wpu_mine")


def test_the_token_of_a_context_goes_to_its_server_only(lab: str) -> None:
    assert asked(lab, "--api", "http://127.0.0.3:8053") == ("127.0.0.3", "dev", "")


def test_a_token_may_be_in_a_file(lab: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("wpu_file\n")
    config(lab, "set-context", "--current", "--token-file", str(token))
    assert asked(lab)[2] == "Bearer wpu_file"
    config(lab, "set-context", "--current", "--token", "-", stdin="wpu_stdin\n")
    assert asked(lab)[2] == "Bearer wpu_stdin"


def test_another_context_can_be_used_and_changed(lab: str) -> None:
    config(lab, "set-context", "home", "--namespace", "mine")
    assert config(lab, "use-context", "home").out == 'Switched to context "home".\n'
    assert asked(lab) == ("127.0.0.1", "mine", "")
    assert config(lab, "set-context", "--current", "-n", "").out == 'Context "home" modified.\n'
    assert asked(lab)[1] == "default"


def test_contexts_are_listed_without_their_tokens(lab: str) -> None:
    config(lab, "set-context", "home")
    listed = config(lab, "get-contexts")
    assert [line.split() for line in listed.out.splitlines()] == [
        ["CURRENT", "NAME", "SERVER", "NAMESPACE", "TOKEN"],
        ["*", "lab", SERVER, "dev", "in", "this", "file"],
        ["home"],
    ]
    assert config(lab, "get-contexts", "-o", "name").out == "lab\nhome\n"


def test_a_deleted_context_is_no_longer_current(lab: str) -> None:
    assert config(lab, "delete-context", "lab").code == 0
    ended = config(lab, "current-context")
    assert (ended.code, ended.err) == (1, "error: current-context is not set\n")


def test_a_mistyped_context_has_the_nearest_name(lab: str) -> None:
    ended = config(lab, "use-context", "lba")
    assert (ended.code, 'did you mean "lab"?' in ended.err) == (1, True)


def test_what_cannot_be_a_context_is_refused(lab: str) -> None:
    assert config(lab, "set-context").code == 2
    assert config(lab, "set-context", "x", "--token=a", "--token-file=b").code == 2
    bad = config(lab, "set-context", "x", "--token=two words")
    assert (bad.code, "two words" in bad.err) == (2, False)


def test_a_current_context_that_is_gone_is_refused(lab: str) -> None:
    Path(lab).write_text('{"current-context": "gone", "contexts": []}')
    ended = run("get", "svc", config=lab)
    assert (ended.code, "there is no context 'gone'" in ended.err) == (1, True)


def test_files_are_put_into_the_namespace_of_the_context(lab: str, tmp_path: Path) -> None:
    file = tmp_path / "ent.yaml"
    file.write_text(
        "{apiVersion: v1, kind: Service, metadata: {name: a}}\n---\n"
        "{apiVersion: v1, kind: Service, metadata: {name: b, namespace: other}}\n"
    )
    server = FakeServer({("POST", "/services"): {}})
    ended = run("create", "-f", str(file), server=server, config=lab)
    assert ended.out == "service/a created in dev\nservice/b created in other\n"


def test_the_file_is_shown_without_its_tokens(lab: str) -> None:
    shown = config(lab, "view").out
    assert ("REDACTED" in shown, "wpu_lab" in shown, SERVER in shown) == (True, False, True)


def test_a_command_may_use_another_context_than_the_current_one(lab: str) -> None:
    config(lab, "set-context", "home", "-n", "mine")
    assert asked(lab, "--context", "home") == ("127.0.0.1", "mine", "")
    ended = run("get", "svc", "--context", "hmoe", config=lab)
    assert (ended.code, 'did you mean "home"?' in ended.err) == (1, True)


def test_names_are_resolved_in_the_namespace_of_the_context(lab: str) -> None:
    server = FakeServer({("GET", "/resolve"): {"status": "NOERROR"}})
    run("resolve", "ent", server=server, config=lab)
    assert server.last.url.params["namespace"] == "dev"
    run("resolve", "ent", "--pod", "dev/p", server=server, config=lab)
    assert "namespace" not in server.last.url.params
