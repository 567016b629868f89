"""Replace writes what exists, and creates nothing."""

from pathlib import Path

import pytest

from tests.cli.fake_server import FakeServer, refusal, run

PATH = "/services/default/ent"


@pytest.fixture
def file(tmp_path: Path) -> str:
    made = tmp_path / "ent.yaml"
    made.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: ent}\n")
    return str(made)


def test_an_object_is_replaced(file: str) -> None:
    server = FakeServer({("GET", PATH): {}, ("PUT", PATH): {}})
    ended = run("replace", "-f", file, server=server)
    assert (ended.code, ended.out) == (0, "service/ent replaced in default\n")


def test_a_missing_object_is_not_created(file: str) -> None:
    server = FakeServer({("PUT", PATH): {}})
    ended = run("replace", "-f", file, server=server)
    assert (ended.code, "NotFound" in ended.err) == (1, True)
    assert "PUT" not in [each.method for each in server.requests]


def test_force_deletes_and_creates(file: str) -> None:
    server = FakeServer({("POST", "/services"): {}})  # a missing object is no failure then
    assert run("replace", "--force", "-f", file, server=server).code == 0
    assert [each.method for each in server.requests] == ["DELETE", "POST"]


def test_a_change_meanwhile_is_refused(file: str) -> None:
    server = FakeServer({("GET", PATH): {}, ("PUT", PATH): refusal(409, "Conflict", "changed")})
    ended = run("replace", "-f", file, server=server)
    assert (ended.code, "changed (Conflict)" in ended.err) == (1, True)


def test_files_are_needed_and_force_is_for_good(file: str) -> None:
    assert "which files?" in run("replace").err
    assert "--dry-run can not be used" in run("replace", "--force", "--dry-run", "-f", file).err
