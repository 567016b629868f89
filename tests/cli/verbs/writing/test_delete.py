"""Delete removes one object, or those of files, and prints the results."""

from pathlib import Path

import pytest

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run

DELETED = {"kind": "Status", "status": "Success"}


def a_server() -> FakeServer:
    return FakeServer(
        {
            ("DELETE", "/services/default/ent"): DELETED,
            ("DELETE", "/pods/dev/ent-1"): {"metadata": {"deletionGracePeriodSeconds": 30}},
            ("DELETE", "/nodes/n1"): DELETED,
        }
    )


def test_one_object_is_deleted_by_name() -> None:
    server = a_server()
    ended = run("delete", "svc", "ent", "--dry-run", server=server)
    assert ended.out == "service/ent deleted in default (dry run, nothing written)\n"
    assert dict(server.last.url.params) == {"dryRun": "All"}


def test_a_pod_with_a_grace_period_is_terminating() -> None:
    server = a_server()
    ended = run("delete", "po/ent-1", "-n", "dev", "--grace-period", "30", server=server)
    assert ended.out == "pod/ent-1 terminating for 30 s in dev\n"
    assert dict(server.last.url.params) == {"gracePeriodSeconds": "30"}


def test_objects_of_files_are_deleted_before_those_they_refer_to(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(
        "\n---\n".join(
            [
                "{apiVersion: v1, kind: Node, metadata: {name: n1}}",
                "{apiVersion: v1, kind: Pod, metadata: {name: ent-1, namespace: dev}}",
                "{apiVersion: apps/v1, kind: Deployment, metadata: {name: ent}}",
                "{apiVersion: v1, kind: Service, metadata: {name: ent}}",
            ]
        )
    )
    server = a_server()
    ended = run("delete", "-f", str(file), server=server)
    assert (ended.code, ended.err) == (0, f"warning: {file}:5: Deployment is not held here\n")
    assert [request.url.path for request in server.requests] == [
        "/pods/dev/ent-1",
        "/services/default/ent",
        "/nodes/n1",
    ]


MIRRORED = {
    "items": [
        {"metadata": {"name": "db-1", "namespace": "dev"}},
        {"metadata": {"name": "db-2", "namespace": "dev"}},
    ]
}


def test_endpoints_are_deleted_as_the_slices_that_mirror_them(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    file.write_text(
        "{apiVersion: v1, kind: Service, metadata: {name: db}}\n---\n"
        "{apiVersion: v1, kind: Endpoints, metadata: {name: db}}\n"
    )
    slices = [("DELETE", f"/endpointslices/dev/db-{number}") for number in (1, 2)]
    services = {("DELETE", "/services/dev/db"): DELETED}
    server = FakeServer({("GET", "/endpointslices"): MIRRORED, slices[0]: DELETED, **services})
    ended = run("delete", "-f", str(file), "-n", "dev", server=server)
    assert (ended.code, ended.err) == (0, "")
    assert [(request.method, request.url.path) for request in server.requests] == [
        ("GET", "/endpointslices"),
        *slices,
        *services,
    ]
    assert dict(server.requests[0].url.params) == {
        "namespace": "dev",
        "labelSelector": "kubernetes.io/service-name=db,endpointslice.kubernetes.io/managed-by="
        "endpointslicemirroring-controller.k8s.io",
    }
    assert ended.out.splitlines()[0] == "endpointslice/db-1 deleted in dev"


def test_endpoints_without_mirrored_slices_are_no_failure(tmp_path: Path) -> None:
    file = tmp_path / "db.yaml"
    file.write_text("{apiVersion: v1, kind: Endpoints, metadata: {name: db}}\n")
    server = FakeServer({("GET", "/endpointslices"): {"items": []}})
    ended = run("delete", "-f", str(file), server=server)
    assert (ended.code, ended.out) == (0, "endpoints/db: nothing is mirrored from it in default\n")


def test_a_missing_object_fails_unless_ignored() -> None:
    ended = run("delete", "svc", "web", server=a_server())
    assert (ended.code, ended.out) == (1, "")
    assert "(NotFound)" in ended.err
    ended = run("delete", "svc", "web", "--ignore-not-found", server=a_server())
    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "you must say which kind"),
        (["svc", "ent", "-f", "x.yaml"], "either kinds and names, or files"),
        (["svc"], "which of the services?"),
        (["svc", "ent", "-l", "app=x"], "exclude each other"),
        (["svc", "ent", "--now", "--grace-period=5"], "cannot be specified together"),
        (["svc", "ent", "--force", "--grace-period=5"], "exclude each other"),
        (["svc", "ent", "-o", "yaml"], "as -o name"),
    ],
)
def test_ambiguous_arguments_are_refused(arguments: list[str], message: str) -> None:
    ended = run("delete", *arguments, server=a_server())
    assert ended.code == 2
    assert message in ended.err


def test_selected_objects_are_deleted_one_by_one() -> None:
    item = {"metadata": {"name": "ent", "namespace": "default"}}
    pod = {"metadata": {"name": "p", "namespace": "default"}}
    server = FakeServer(
        {
            ("GET", "/services"): {"items": [item]},
            ("GET", "/pods"): {"items": [pod]},
            ("DELETE", "/services/default/ent"): DELETED,
            ("DELETE", "/pods/default/p"): DELETED,
        }
    )
    ended = run("delete", "svc,po", "-l", "app=ent", "-o", "name", server=server)
    assert (ended.code, ended.out) == (0, "pod/p\nservice/ent\n")
    assert [dict(each.url.params).get("labelSelector") for each in server.requests[:2]] == [
        "app=ent", "app=ent",
    ]  # fmt: skip
    ended = run("delete", "svc", "--all", "--now", server=server)
    assert ended.out == "service/ent deleted in default\n"
    assert dict(server.last.url.params) == {"gracePeriodSeconds": "1"}


def test_a_selection_without_objects_deletes_nothing() -> None:
    server = FakeServer({("GET", "/services"): {"items": []}})
    ended = run("delete", "svc", "-l", "app=nope", server=server)
    assert (ended.code, ended.out, ended.err) == (0, "", "nothing to delete\n")
    assert [each.method for each in server.requests] == ["GET"]


def test_a_missing_object_has_the_nearest_name() -> None:
    item = {"metadata": {"name": "ent", "namespace": "default"}}
    server = FakeServer({("GET", "/services"): {"items": [item]}})
    assert 'did you mean "ent"?' in run("delete", "svc", "etn", server=server).err


def test_a_deletion_may_be_waited_for() -> None:
    pod: Json = {"metadata": {"name": "p", "deletionGracePeriodSeconds": 30}}
    gone: Json = {"metadata": {"resourceVersion": "8"}, "items": []}
    server = FakeServer({("DELETE", "/pods/default/p"): pod, ("GET", "/pods"): gone})
    assert run("delete", "po/p", "--wait", server=server).code == 0
    assert [each.method for each in server.requests] == ["DELETE", "GET"]
    run("delete", "po/p", "--wait=false", "--cascade=orphan", server=server)
    assert dict(server.last.url.params) == {"propagationPolicy": "Orphan"}
