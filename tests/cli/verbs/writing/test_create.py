"""Create posts objects; what exists already is refused."""

from pathlib import Path

from tests.cli.fake_server import FakeServer, refusal, run


def test_the_objects_of_a_file_are_posted(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(
        "{apiVersion: v1, kind: Service, metadata: {name: ent, resourceVersion: '7'}}\n---\n"
        "{apiVersion: v1, kind: Node, metadata: {name: n1}}\n"
    )
    server = FakeServer({("POST", "/services"): {}, ("POST", "/nodes"): {}})
    ended = run("create", "-f", str(file), "-n", "dev", server=server)
    assert (ended.code, ended.out) == (0, "service/ent created in dev\nnode/n1 created\n")
    assert server.last_body == {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
    }  # fmt: skip


def test_a_refusal_names_file_line_and_field_and_the_others_are_created(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: ent}\nspec:\n  type: X\n---\n"
        "{apiVersion: v1, kind: Node, metadata: {name: n1}}\n"
    )
    words = "ent is invalid: [spec.type: unknown, spec.ports: none]"
    causes = ("spec.type", "unknown"), ("spec.ports", "none")
    invalid = refusal(422, "Invalid", words, *causes)
    server = FakeServer({("POST", "/services"): invalid, ("POST", "/nodes"): {}})
    ended = run("create", "-f", str(file), server=server)
    assert (ended.code, ended.out) == (1, "node/n1 created\n")
    assert ended.err.splitlines() == [
        "error: ent is invalid (Invalid)",
        f"  {file}:5: spec.type: unknown",
        f"  {file}:4: spec.ports: none",
    ]


def test_words_describe_an_object() -> None:
    server = FakeServer({("POST", "/services"): {}, ("POST", "/namespaces"): {}})
    ended = run("create", "service", "clusterip", "ent", "--tcp=80", "-n", "dev", server=server)
    assert (ended.code, ended.out) == (0, "service/ent created in dev\n")
    ended = run("create", "ns", "dev", "--dry-run=client", "-o", "name", server=server)
    assert dict(server.last.url.params) == {"dryRun": "All"}


def test_either_files_or_words_are_needed() -> None:
    assert "which object?" in run("create").err
    assert "either a kind and a name, or files" in run("create", "ns", "a", "-f", "x.yaml").err
