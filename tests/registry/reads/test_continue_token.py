"""A continue token is valid in every field, or refused."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import NODE
from app.domain.objects.pod import POD
from app.domain.objects.resource import AnyResource
from app.domain.objects.role import CLUSTER_ROLE
from app.registry.reads.continue_token import format_token, parse_token

V = "meta.k8s.io/v1"
GOOD = {"v": V, "rv": 7, "start": ["default", "web"]}


def encoded(start: object, *, separators: tuple[str, str] = (", ", ": ")) -> str:
    text = start if isinstance(start, str) else json.dumps(start, separators=separators)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(
    st.integers(1, 2**62),
    st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True).filter(
        lambda name: ".." not in name and ".-" not in name and "-." not in name
    ),
)
def test_a_token_reads_back_as_it_was_written(revision: int, namespace: str, name: str) -> None:
    key = NamespacedName(namespace, name)
    token = format_token(Revision(revision), key)
    assert parse_token(token, POD, "") == (revision, key)
    assert parse_token(token, POD, namespace) == (revision, key)


def test_a_key_without_a_namespace_is_valid_for_a_cluster_scoped_kind() -> None:
    key = NamespacedName("", "n1")
    assert parse_token(format_token(Revision(7), key), NODE, "") == (7, key)


def test_any_name_of_an_object_can_begin_a_page() -> None:
    for name in ("system:node", "AbCdEf012345", "\U0001f600" * 253):
        key = NamespacedName("", name)
        assert parse_token(format_token(Revision(10**18), key), CLUSTER_ROLE, "")[1] == key


def test_the_longest_names_fit_into_a_token() -> None:
    key = NamespacedName("n" * 63, ".".join(["a" * 63] * 3 + ["b" * 61]))
    assert parse_token(format_token(Revision(10**18), key), POD, "")[1] == key


@pytest.mark.parametrize(
    "start",
    [
        {**GOOD, "rv": True},
        {**GOOD, "rv": 7.0},
        {**GOOD, "rv": "7"},
        {**GOOD, "rv": None},
        {**GOOD, "rv": 0},
        {**GOOD, "rv": -1},
        {**GOOD, "rv": [7]},
        {**GOOD, "v": "meta.k8s.io/v2"},
        {**GOOD, "v": 1},
        {**GOOD, "more": 1},
        {"v": V, "rv": 7},
        {"rv": 7, "start": ["default", "web"]},
        {"start": ["default", "web"], "rv": 7, "v": V},
        {**GOOD, "start": ["default"]},
        {**GOOD, "start": ["default", "web", "x"]},
        {**GOOD, "start": "default/web"},
        {**GOOD, "start": ["default", 7]},
        {**GOOD, "start": [True, "web"]},
        {**GOOD, "start": ["", "web"]},
        {**GOOD, "start": ["default", ""]},
        {**GOOD, "start": ["default", "we/b"]},
        {**GOOD, "start": ["default", "we\x00b"]},
        {**GOOD, "start": ["default", "w" * 254]},
        {**GOOD, "start": ["n" * 64, "web"]},
        {**GOOD, "start": ["def.ault", "web"]},
        '{"v": "meta.k8s.io/v1", "rv": 7, "rv": 7, "start": ["default", "web"]}',
        '{"v": "meta.k8s.io/v1", "rv": 07, "start": ["default", "web"]}',
        '{"v": "meta.k8s.io/v1", "rv": NaN, "start": ["default", "web"]}',
        f'{{"v": "meta.k8s.io/v1", "rv": {"9" * 5_000}, "start": ["default", "web"]}}',
        [GOOD],
        7,
        None,
        "",
        "[" * 700,
    ],
    ids=repr,
)
def test_a_token_that_format_token_cannot_write_is_refused(start: object) -> None:
    with pytest.raises(BadRequest, match="continue key is not valid"):
        parse_token(encoded(start), POD, "")


@pytest.mark.parametrize(
    ("token", "kind", "namespace"),
    [
        (encoded(GOOD), POD, "other"),
        (encoded(GOOD), NODE, ""),
        (encoded({**GOOD, "start": ["", "n1"]}), POD, ""),
        (encoded(GOOD) + "=", POD, ""),
        (encoded(GOOD) + "====", POD, ""),
        (encoded(GOOD, separators=(",", ":")), POD, ""),
        (encoded(GOOD) + " ", POD, ""),
        ("?", POD, ""),
        ("ä", POD, ""),
        ("a" * 1_025, POD, ""),
    ],
)
def test_a_token_of_another_list_or_spelling_is_refused(
    token: str, kind: AnyResource, namespace: str
) -> None:
    with pytest.raises(BadRequest, match="continue key is not valid"):
        parse_token(token, kind, namespace)
