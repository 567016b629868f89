"""Files, folders and stdin are parsed as by the server."""

import io
import sys
from pathlib import Path

import pytest

from app.cli.failures import Unreadable
from app.cli.kinds import kind_named
from app.cli.manifests import Manifest, in_namespace, read_manifests

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: ent, namespace: dev}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ent}\n"
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
NAMELESS = "apiVersion: v1\nkind: Service\n"


def a_manifest(text: str) -> Manifest:
    (manifest,) = read_text(text)
    return manifest


def read_text(text: str) -> tuple[Manifest, ...]:
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        return read_manifests(["-"])


def test_a_manifest_knows_its_kind_name_and_namespace() -> None:
    manifest = a_manifest(SERVICE)
    assert (manifest.kind, manifest.name, manifest.namespace) == (kind_named("svc"), "ent", "dev")
    assert a_manifest(DEPLOYMENT).kind is None


def test_a_kind_of_another_group_is_unknown() -> None:
    assert a_manifest(SERVICE.replace("v1", "serving.knative.dev/v1", 1)).kind is None


def test_files_and_folders_are_parsed_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(f"{SERVICE}---\n{NODE}")
    (tmp_path / "a.json").write_text('{"apiVersion":"v1","kind":"Node","metadata":{"name":"n0"}}')
    (tmp_path / "notes.txt").write_text("not a manifest")
    found = read_manifests([str(tmp_path), str(tmp_path / "b.yaml")])
    assert [manifest.name for manifest in found] == ["n0", "ent", "n1", "ent", "n1"]
    assert [Path(manifest.place).name for manifest in found[:3]] == [
        "a.json",
        "b.yaml[0]",
        "b.yaml[1]",
    ]


def test_lists_are_split_into_their_items() -> None:
    items = '{"kind":"List","apiVersion":"v1","items":[{"kind":"A"},{"kind":"B"}]}'
    assert [manifest.content["kind"] for manifest in read_text(items)] == ["A", "B"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.yaml", "a: [1", r"bad\.yaml: .*line"),
        ("bad.json", "{", r"bad\.json: .*line 1"),
        ("scalar.yaml", "just text", r"scalar\.yaml: a document must be an object"),
        ("empty.yaml", "# nothing\n", "there is no object"),
    ],
)
def test_a_bad_file_is_named_with_its_problem(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Unreadable, match=message):
        read_manifests([str(tmp_path / name)])


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"gone\.yaml: No such file"):
        read_manifests([str(tmp_path / "gone.yaml")])
    with pytest.raises(Unreadable, match="in this folder"):
        read_manifests([str(tmp_path)])


def test_a_namespace_is_set_on_namespaced_objects_without_one() -> None:
    assert in_namespace(a_manifest(NAMELESS), "prod").namespace == "prod"
    assert in_namespace(a_manifest(SERVICE), "").namespace == "dev"
    assert in_namespace(a_manifest(NODE), "prod").namespace == ""
    with pytest.raises(Unreadable, match="namespace dev, not prod"):
        in_namespace(a_manifest(SERVICE), "prod")
