"""Annotate does to annotations what label does to labels."""

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, run

ENT: Json = {"metadata": {"name": "ent", "namespace": "default", "annotations": {"owner": "ann"}}}
PATH = "/services/default/ent"


def test_an_annotation_is_a_merge_patch_of_it_alone() -> None:
    server = FakeServer({("GET", PATH): ENT, ("PATCH", PATH): ENT})
    ended = run("annotate", "svc", "ent", "note=a b", "owner-", server=server)
    assert (ended.code, ended.out) == (0, "service/ent annotated in default\n")
    assert server.last_body == {"metadata": {"annotations": {"note": "a b", "owner": None}}}
    ended = run("annotate", "svc", "ent", "owner=bob", server=server)
    assert (ended.code, "'owner' already has a value (ann)" in ended.err) == (1, True)
