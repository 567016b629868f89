"""Kinds are listed from the one table."""

from app.cli.kinds import KINDS
from tests.cli.fake_server import run


def test_every_kind_is_listed_with_its_names() -> None:
    lines = [line.split() for line in run("api-resources").out.splitlines()]
    assert lines[0] == ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    assert ["services", "svc", "v1", "true", "Service"] in lines
    assert len(lines) == len(KINDS) + 1


def test_kinds_may_be_selected() -> None:
    names = run("api-resources", "--namespaced=false", "-o", "name").out.splitlines()
    assert "nodes" in names
    assert "services" not in names
    group = run("api-resources", "--api-group=rbac.authorization.k8s.io", "--no-headers").out
    assert len(group.splitlines()) == 4
    by_kind = run("api-resources", "--sort-by=kind", "--no-headers").out.splitlines()
    assert [line.split()[-1] for line in by_kind] == sorted(line.split()[-1] for line in by_kind)
