"""Label and annotate change metadata only, and never overwrite unasked."""

import pytest

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run

ENT: Json = {
    "metadata": {"name": "ent", "namespace": "default", "labels": {"app": "ent", "tier": "front"}}
}
PATH = "/services/default/ent"


def a_server() -> FakeServer:
    return FakeServer(
        {("GET", PATH): ENT, ("PATCH", PATH): ENT, ("GET", "/services"): {"items": [ENT]}}
    )


def test_a_label_is_a_merge_patch_of_it_alone() -> None:
    server = a_server()
    ended = run("label", "svc", "ent", "a=b", "tier-", server=server)
    assert (ended.code, ended.out) == (0, "service/ent labeled in default\n")
    assert server.last_body == {"metadata": {"labels": {"a": "b", "tier": None}}}
    assert server.last.headers["content-type"] == "application/merge-patch+json"


def test_a_value_is_not_overwritten_unasked() -> None:
    server = a_server()
    ended = run("label", "svc", "ent", "app=x", server=server)
    assert (ended.code, ended.out) == (1, "")
    assert "'app' already has a value (ent), and --overwrite is false" in ended.err
    assert [each.method for each in server.requests] == ["GET"]
    ended = run("label", "svc", "ent", "app=x", "--overwrite", server=server)
    assert ended.out == "service/ent labeled in default\n"


@pytest.mark.parametrize(
    ("change", "printed", "methods"),
    [
        ("app=ent", "service/ent not labeled in default\n", ["GET"]),
        ("tier-", "service/ent unlabeled in default\n", ["GET", "PATCH"]),
        ("x-", 'label "x" not found.\nservice/ent not labeled in default\n', ["GET"]),
    ],
)
def test_the_line_says_what_became_of_it(change: str, printed: str, methods: list[str]) -> None:
    server = a_server()
    ended = run("label", "svc/ent", change, server=server)
    assert (ended.code, ended.out) == (0, printed)
    assert [each.method for each in server.requests] == methods


def test_selected_objects_are_labeled_as_they_were_listed() -> None:
    server = a_server()
    ended = run("label", "svc", "-l", "app=ent", "a=b", "--dry-run", server=server)
    assert ended.out == "service/ent labeled in default (dry run, nothing written)\n"
    assert [each.method for each in server.requests] == ["GET", "PATCH"]
    assert dict(server.last.url.params) == {"dryRun": "All"}


def test_the_labels_may_be_listed() -> None:
    ended = run("label", "svc", "ent", "--list", server=a_server())
    assert ended.out == "app=ent\ntier=front\n"


def test_a_change_may_be_bound_to_a_revision_of_one_object() -> None:
    server = a_server()
    run("label", "svc", "ent", "a=b", "--resource-version=7", server=server)
    assert server.last_body == {"metadata": {"labels": {"a": "b"}, "resourceVersion": "7"}}


def test_without_a_change_it_is_refused() -> None:
    ended = run("label", "svc", "ent", server=a_server())
    assert (ended.code, "at least one label update is required" in ended.err) == (2, True)


def test_one_failure_does_not_keep_others_from_being_labeled() -> None:
    server = a_server()
    ended = run("label", "svc", "nope", "ent", "a=b", server=server)
    assert (ended.code, ended.out) == (1, "service/ent labeled in default\n")
