"""Objects of files have names; what cannot be named is told with its line."""

from pathlib import Path

import pytest

from app.cli.failures import Unreadable
from app.cli.objects.files import Files


def test_folders_within_folders_count_only_if_asked(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "x.yaml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: p}}")
    [(named, _)] = Files((str(tmp_path),), is_recursive=True, namespace="dev").held()
    assert (named.title, named.namespace) == ("pod/p", "dev")
    with pytest.raises(Unreadable):
        Files((str(tmp_path),)).manifests()


def test_an_object_without_a_name_is_told_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("apiVersion: v1\nkind: Pod\nmetadata: {}\n")
    assert list(Files((str(file),), namespace="dev").held()) == []
    assert f"{file}:3: a name is missing" in capsys.readouterr().err


def test_mistyped_kinds_are_refused_all_at_once(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("{apiVersion: v1, kind: Pdo}\n---\n{apiVersion: v1, kind: Srevice}\n")
    with pytest.raises(Unreadable, match="2 kinds are mistyped") as caught:
        Files((str(file),), namespace="dev").manifests()
    assert caught.value.details == (
        f'{file}:1: Pdo is not held here (did you mean "Pod"?)',
        f'{file}:3: Srevice is not held here (did you mean "Service"?)',
    )
