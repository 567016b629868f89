"""The client knows the kinds of the server, under the names of manifests."""

from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.objects.token import TOKEN
from app.domain.resources import PUBLIC
from waypost.client import models
from waypost.client.errors import InvalidArgument
from waypost.client.kinds import KINDS_BY_NAME, kind_of, kind_of_manifest
from waypost.client.paths import checked_path, key_of, path_of


def test_the_kinds_are_those_with_routes_of_the_server() -> None:
    assert {
        (each.name, each.api_version, each.plural, each.is_namespaced)
        for each in KINDS_BY_NAME.values()
    } == {
        (each.name, each.api_version, each.plural, each.is_namespaced) for each in (*PUBLIC, TOKEN)
    }


@pytest.mark.parametrize("name", sorted(KINDS_BY_NAME))
def test_every_kind_has_a_class_which_stands_for_it(name: str) -> None:
    assert kind_of(getattr(models, name)) is kind_of(name)


@pytest.mark.parametrize("name", ["service", "services", "Deployment", ""])
def test_an_unknown_kind_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=f"no kind '{name}'; there are ClusterRole, "):
        kind_of(name)
    with pytest.raises(ValueError, match="no kind"):
        kind_of_manifest({"kind": name})


def test_the_path_of_an_object_has_its_namespace_if_its_kind_has_them() -> None:
    assert kind_of("Service").path == "/services"
    assert kind_of("Service").path_of("dev", "ent") == "/services/dev/ent"
    assert kind_of("Node").path_of("dev", "n1") == "/nodes/n1"


def test_a_name_with_other_letters_is_one_step_of_a_path() -> None:
    assert path_of("clusterroles", "", "system:a b?c") == "/clusterroles/system%3Aa%20b%3Fc"


@given(st.text(max_size=9), st.text(max_size=9))
def test_any_two_names_are_two_steps_of_a_path_or_refused(namespace: str, name: str) -> None:
    try:
        path = kind_of("Service").path_of(namespace, name)
    except InvalidArgument:
        return
    assert checked_path(path).count("/") == 3
    asked = httpx.URL(f"http://host{path}")
    assert (asked.host, asked.query, asked.raw_path.decode()) == ("host", b"", path)
    assert unquote(path) == f"/services/{namespace}/{name}"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../nodes", "a%2Fb", "\ud800"])
def test_what_no_name_is_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument):
        kind_of("Node").path_of("", name)
    with pytest.raises(InvalidArgument):
        kind_of("Service").path_of(name, "ent")
    with pytest.raises(InvalidArgument):
        kind_of("Service").path_of("default", name)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "services",
        "@other/x",
        ":80/x",
        "http://other/x",
        "/a/../b",
        "/.",
        "/a?b=c",
        "/a#b",
        "/a b",
    ],
)
def test_what_no_path_is_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument, match="path"):
        checked_path(path)


def test_the_key_of_a_manifest_has_the_namespace_default_if_none_is_stated() -> None:
    assert key_of({"metadata": {"name": "ent"}}) == ("default", "ent")
    assert key_of({"metadata": {"name": "ent", "namespace": "dev"}}) == ("dev", "ent")
    with pytest.raises(ValueError, match=r"metadata\.name"):
        key_of({"metadata": {"generateName": "ent-"}})
