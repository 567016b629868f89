"""A folder is built by the user's program; its failures are told."""

from pathlib import Path

import pytest

from app.cli.failures import Unreadable
from app.cli.objects.kustomize import built
from tests.cli.fake_server import FakeServer, run

MANIFEST = "{apiVersion: v1, kind: Service, metadata: {name: ent}}"


def a_program(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_the_output_of_the_program_is_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, "kustomize", f"test $1-$3 = build-overlay && echo '{MANIFEST}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    server = FakeServer({("POST", "/apply"): {"results": []}})
    assert run("apply", "-k", "overlay", server=server).code == 0
    body = server.last_body
    assert isinstance(body, dict)
    assert body["items"] == [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ent"}}]


def test_kubectl_may_take_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path, "kubectl", f"test $1 = kustomize && echo '{MANIFEST}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert built("overlay").body.decode().strip() == MANIFEST


def test_failures_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreadable, match="needs the program kustomize"):
        built("overlay")
    a_program(tmp_path, "kustomize", "echo 'Error: no such file' >&2; exit 1")
    with pytest.raises(Unreadable, match="overlay: kustomize: no such file"):
        built("overlay")
