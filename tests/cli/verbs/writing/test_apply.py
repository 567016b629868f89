"""Apply sends all files as one body, and names files in refusals and warnings."""

from pathlib import Path

import httpx
import pytest

from app.cli.fields import Json, mapping, mappings
from tests.cli.fake_server import FakeServer, refusal, run

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: ent}\n"
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
RESULT: Json = {
    "kind": "ApplyResult",
    "resourceVersion": "42",
    "dryRun": False,
    "results": [
        {"kind": "Service", "namespace": "default", "name": "ent", "operation": "created"},
        {
            "kind": "Deployment",
            "namespace": "",
            "name": "x",
            "operation": "ignored",
            "message": "Deployment is not held here",
        },
    ],
}


def a_server() -> FakeServer:
    return FakeServer({("POST", "/apply"): RESULT})


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(SERVICE)
    second.write_text(f"{NODE}---\n{SERVICE}")
    return str(first), str(second)


def test_all_files_go_as_one_list(files: tuple[str, str]) -> None:
    server = a_server()
    ended = run("apply", "-f", files[0], files[1], "-n", "dev", server=server)
    assert ended.code == 0
    assert server.last.url.query == b""
    assert [mapping(item, "metadata") for item in mappings(server.last_body, "items")] == [
        {"name": "ent", "namespace": "dev"},
        {"name": "n1"},
        {"name": "ent", "namespace": "dev"},
    ]


def test_endpoints_are_in_the_given_namespace(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    file.write_text("apiVersion: v1\nkind: Endpoints\nmetadata: {name: db}\n")
    server = a_server()
    assert run("apply", "-f", str(file), "-n", "dev", server=server).code == 0
    [item] = mappings(server.last_body, "items")
    assert mapping(item, "metadata") == {"name": "db", "namespace": "dev"}


def test_each_result_is_a_line_and_the_counts_are_the_last(
    files: tuple[str, str],
) -> None:
    assert run("apply", "-f", files[0], server=a_server()).out == (
        "service/ent created in default\n"
        "deployment/x ignored: Deployment is not held here\n"
        "1 created, 1 ignored (revision 42)\n"
    )


def test_stdin_is_a_file_called_dash() -> None:
    server = a_server()
    assert run("apply", "-f", "-", server=server, stdin=SERVICE).code == 0
    assert len(server.requests) == 1


def test_programs_get_the_result(files: tuple[str, str]) -> None:
    ended = run("apply", "-f", files[0], "-o", "yaml", server=a_server())
    assert ended.out.startswith("kind: ApplyResult\nresourceVersion: ")


def test_options_become_parameters(files: tuple[str, str]) -> None:
    server = a_server()
    run("apply", "-f", files[0], "--dry-run", "--prune", "-l", "app=ent", "--strict", server=server)
    assert dict(server.last.url.params) == {
        "dryRun": "All",
        "prune": "true",
        "labelSelector": "app=ent",
        "strict": "true",
    }


def test_a_dry_run_says_that_nothing_was_written(files: tuple[str, str]) -> None:
    server = FakeServer({("POST", "/apply"): {**RESULT, "dryRun": True, "results": []}})
    ended = run("apply", "-f", files[0], "--dry-run", server=server)
    assert ended.out == "nothing to do (dry run, nothing written)\n"


def test_pruning_needs_a_selector(files: tuple[str, str]) -> None:
    ended = run("apply", "-f", files[0], "--prune", server=a_server())
    assert ended.code == 2
    assert "--prune needs a selector" in ended.err


def test_a_refusal_names_the_file_and_the_line_instead_of_the_position(
    files: tuple[str, str],
) -> None:
    refused = refusal(
        422,
        "Invalid",
        "Apply is invalid: documents[2].spec.ports: required",
        ("documents[2].spec.ports", "required"),
        ("documents[9].kind", "odd"),
    )
    ended = run("apply", "-f", *files, server=FakeServer({("POST", "/apply"): refused}))
    assert ended.code == 1
    assert ended.err == (
        f"error: Apply is invalid: {files[1]}:5: spec.ports: required (Invalid)\n"
        f"  {files[1]}:5: spec.ports: required\n"
        "  documents[9].kind: odd\n"
    )


def test_a_duplicate_key_is_a_warning_and_refused_when_strict(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text(f"{SERVICE}spec: {{type: ClusterIP, type: NodePort}}\n")
    expected = f"{file}:4: spec.type is given again, after line 4; the last one counts"
    lenient = run("apply", "-f", str(file), server=a_server())
    assert (lenient.code, lenient.err) == (0, f"warning: {expected}\n")
    server = a_server()
    strict = run("apply", "-f", str(file), "--strict", server=server)
    assert (strict.code, strict.err, server.requests) == (1, f"error: {expected}\n", [])


def test_every_duplicate_key_is_named_with_its_own_line(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.json"
    first.write_text(
        f"{NODE}---\n{SERVICE}"
        "spec:\n  type: ClusterIP\n  type: NodePort\n  type: ClusterIP\n"
        "spec:\n  type: LoadBalancer\nkind: Service\n"
    )
    second.write_text(
        '{"kind": "List", "items": [\n{"apiVersion": "v1",\n"kind": "Node", "kind": "Node",\n'
        '"metadata": {"name": "n1",\n"name": "n2"}}]}'
    )
    expected = [
        f"{first}:10: spec.type is given again, after line 9; the last one counts",
        f"{first}:11: spec.type is given again, after line 9; the last one counts",
        f"{first}:12: spec is given again, after line 8; the last one counts",
        f"{first}:14: kind is given again, after line 6; the last one counts",
        f"{second}:3: kind is given again, after line 3; the last one counts",
        f"{second}:5: metadata.name is given again, after line 4; the last one counts",
    ]
    lenient = run("apply", "-f", str(first), str(second), server=a_server())
    assert lenient.err == "".join(f"warning: {each}\n" for each in expected)
    strict = run("apply", "-f", str(first), str(second), "--strict", server=a_server())
    assert strict.code == 1
    assert strict.err == "error: 6 keys are given again\n" + "".join(f"  {t}\n" for t in expected)


def test_a_warning_names_the_file_and_the_line_of_the_field(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.json"
    first.write_text(f"{NODE}---\n{SERVICE}spec:\n  ports:\n  - port: 80\n    targetport: 8080\n")
    second.write_text('{"kind": "List", "items": [\n{"kind": "Node",\n"spce": {}}]}')
    expected = [
        'unknown field "documents[1].spec.ports[0].targetport" (did you mean "targetPort"?)',
        'unknown field "documents[2].spce" (did you mean "spec"?)',
        "documents[1].spec.externalIPs is deprecated",
        "documents[0]: annotation x is deprecated",
        "documents[9].spec: nobody knows",
        "Pod: known fields that are not kept here: spec.volumes",
    ]
    quoted = [each.replace('"', r"\"") for each in expected]
    answer = httpx.Response(
        200, json=RESULT, headers=[("Warning", f'299 - "{each}"') for each in quoted]
    )
    server = FakeServer({("POST", "/apply"): answer})
    ended = run("apply", "-f", str(first), str(second), server=server)
    port = f'{first}:11: unknown field "spec.ports[0].targetport" (did you mean "targetPort"?)'
    assert (ended.code, ended.err.splitlines()) == (
        0,
        [
            f"warning: {port}",
            f'warning: {second}:3: unknown field "spce" (did you mean "spec"?)',
            f"warning: {first}:8: spec.externalIPs is deprecated",
            f"warning: {first}:1: annotation x is deprecated",
            "warning: documents[9].spec: nobody knows",
            "warning: Pod: known fields that are not kept here: spec.volumes",
        ],
    )


def test_objects_of_json_one_after_another_are_applied(tmp_path: Path) -> None:
    stream = '{"kind":"Node","apiVersion":"v1"}\n{\n  "kind": "Pod"\n}{"kind":"Service"}'
    file = tmp_path / "stream.json"
    file.write_text(stream)
    for source, stdin in ((str(file), ""), ("-", stream)):
        server = a_server()
        assert run("apply", "-f", source, server=server, stdin=stdin).code == 0
        kinds = [mapping(item)["kind"] for item in mappings(server.last_body, "items")]
        assert kinds == ["Node", "Pod", "Service"]


def test_an_unreadable_file_is_one_line_and_nothing_is_sent() -> None:
    server = a_server()
    ended = run("apply", "-f", "gone.yaml", server=server)
    assert (ended.code, server.requests) == (1, [])
    assert ended.err == "error: gone.yaml: No such file or directory\n"


def test_a_mistyped_kind_is_refused_and_others_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{SERVICE}---\napiVersion: v1\nkind: Servcie\nmetadata: {{name: x}}\n")
    server = a_server()
    ended = run("apply", "-f", str(file), server=server)
    assert (ended.code, server.requests) == (1, [])
    assert ended.err == f'error: {file}:6: Servcie is not held here (did you mean "Service"?)\n'
    file.write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n")
    assert run("apply", "-f", str(file), server=server).code == 0


def test_what_the_server_cannot_do_is_refused(files: tuple[str, str]) -> None:
    ended = run("apply", "-f", files[0], "--server-side", server=a_server())
    assert (ended.code, "no managers of fields" in ended.err) == (2, True)
    assert "which files?" in run("apply").err


def test_what_was_applied_may_be_printed_as_names(files: tuple[str, str]) -> None:
    ended = run("apply", "-f", files[0], "-o", "name", server=a_server())
    assert ended.out == "service/ent\ndeployment/x\n"
    assert run("apply", "-f", files[0], "-o", "wide", server=a_server()).code == 0
    assert run("apply", "-f", files[0], "-o", "jsonpath={.x}", server=a_server()).code == 2


def test_unknown_fields_may_be_ignored_or_refused(files: tuple[str, str]) -> None:
    for option, expected in (("false", "Ignore"), ("strict", "Strict")):
        server = a_server()
        run("apply", "-f", files[0], f"--validate={option}", server=server)
        assert dict(server.last.url.params) == {"fieldValidation": expected}
