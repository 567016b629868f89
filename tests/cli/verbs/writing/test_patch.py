"""Patch sends a patch in its language, for each chosen object."""

from pathlib import Path

import pytest

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run

ENT: Json = {"metadata": {"name": "ent", "namespace": "default"}}
PATH = "/services/default/ent"


def a_server() -> FakeServer:
    changed = {**ENT, "spec": {"type": "NodePort"}}
    return FakeServer({("GET", PATH): ENT, ("PATCH", PATH): changed})


@pytest.mark.parametrize(
    ("options", "content_type"),
    [
        ((), "application/strategic-merge-patch+json"),
        (("--type", "merge"), "application/merge-patch+json"),
        (("--type=json",), "application/json-patch+json"),
    ],
)
def test_the_type_is_that_of_the_body(options: tuple[str, ...], content_type: str) -> None:
    server = a_server()
    ended = run(
        "patch", "svc", "ent", "-p", '{"spec":{"type":"NodePort"}}', *options, server=server
    )
    assert (ended.code, ended.out) == (0, "service/ent patched in default\n")
    assert server.last.headers["content-type"] == content_type
    assert server.last_body == {"spec": {"type": "NodePort"}}


def test_a_patch_may_be_yaml_and_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "patch.yaml"
    file.write_text("spec: {type: NodePort}\n")
    server = a_server()
    run("patch", "svc/ent", "--patch-file", str(file), "--dry-run", server=server)
    assert server.last_body == {"spec": {"type": "NodePort"}}
    assert dict(server.last.url.params) == {"dryRun": "All"}


def test_a_patch_without_effect_says_so() -> None:
    server = FakeServer({("GET", PATH): ENT, ("PATCH", PATH): ENT})
    ended = run("patch", "svc", "ent", "-p", "{}", server=server)
    assert ended.out == "service/ent patched (no change) in default\n"


def test_a_subresource_is_part_of_the_path() -> None:
    server = FakeServer({("GET", PATH): ENT, ("PATCH", f"{PATH}/status"): ENT})
    assert run("patch", "svc/ent", "-p", "{}", "--subresource=status", server=server).code == 0


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        ((), 2, "must specify --patch or --patch-file"),
        (("-p", "{"), 1, "--patch: "),
        (("--patch-file", "/nowhere"), 1, "/nowhere: No such file"),
    ],
)
def test_what_is_no_patch_is_refused(options: tuple[str, ...], code: int, problem: str) -> None:
    ended = run("patch", "svc", "ent", *options, server=a_server())
    assert (ended.code, problem in ended.err) == (code, True)
