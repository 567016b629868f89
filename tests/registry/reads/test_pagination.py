"""All pages of a list are of one revision, whatever is written meanwhile, and found in pieces."""

import asyncio
import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.errors import BadRequest, Expired, RevisionAhead
from app.domain.fields import FieldSelector
from app.domain.label_queries import parse_selector
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import NODE
from app.domain.objects.pod import POD
from app.domain.objects.resource import AnyResource, Object
from app.domain.objects.role import CLUSTER_ROLE
from app.domain.snapshot import Snapshot, load
from app.registry.reads.ordering import KEYS_A_PIECE
from app.registry.reads.pagination import (
    InitialStates,
    Listing,
    Lists,
    Page,
    format_token,
    parse_token,
)
from app.registry.reads.past import PAST_BOUNDS, PastBounds
from app.registry.reads.view import View
from app.registry.reads.watch import Interest
from tests.builders import a_pod, a_service
from tests.rounds import CountedLabels, work_a_round

PODS = Listing(kind=POD, fields=FieldSelector())


def a_view(*names: str) -> View:
    view = View()
    pods = [a_pod(name) for name in names]
    view.reset(load(pods, revision=Revision(1)), history=(), compacted=Revision(1))
    return view


def lists_of(view: View, bounds: PastBounds = PAST_BOUNDS) -> Lists:
    return Lists(view, bounds=bounds, wait_s=0.01)


def add(view: View, *names: str) -> None:
    for name in names:
        revision = Revision(view.snapshot.revision + 1)
        pod = a_pod(name)
        stored = replace(pod, metadata=replace(pod.metadata, revision=revision))
        view.advance([Change(revision=revision, before=None, after=stored)])


def names_of(page: Page) -> list[str]:
    return [registered.metadata.name for registered in page.objects]


def token(revision: int, name: str = "a") -> str:
    return format_token(Revision(revision), NamespacedName("default", name))


async def test_pages_of_a_list_are_of_its_first_revision_and_nothing_is_rewound() -> None:
    view = a_view("a", "b", "c", "e")
    lists = lists_of(view)
    first = await lists.page(replace(PODS, limit=2))
    assert (names_of(first), first.remaining) == (["a", "b"], 2)
    add(view, "d")
    rest = await lists.page(replace(PODS, limit=2, token=first.token))
    assert (names_of(rest), rest.token, rest.revision) == (["c", "e"], "", first.revision)
    assert lists.past.undone == 0


async def test_a_list_with_one_page_keeps_no_snapshot() -> None:
    lists = lists_of(a_view("a"))
    assert not (await lists.page(replace(PODS, limit=1))).token
    assert len(lists.past) == 0


async def test_a_token_from_another_process_is_valid() -> None:
    view = a_view("a", "c")
    add(view, "b")
    page = await lists_of(view).page(replace(PODS, token=token(1)))
    assert names_of(page) == ["c"]


async def test_a_token_from_another_process_waits_for_its_revision() -> None:
    view = a_view("a", "c")
    page = asyncio.create_task(Lists(view, wait_s=10).page(replace(PODS, token=token(2))))
    await asyncio.sleep(0)
    add(view, "b")
    assert names_of(await page) == ["b", "c"]


async def test_a_token_of_a_revision_that_is_never_reached_is_refused() -> None:
    with pytest.raises(BadRequest, match="continue key is not valid"):
        await lists_of(a_view("a")).page(replace(PODS, token=token(2)))


async def test_an_expired_token_comes_with_a_fresh_one() -> None:
    view = a_view("a", "c")
    add(view, "b", "d")
    lists = lists_of(view, PastBounds(rewound_changes_max=1))
    with pytest.raises(Expired) as refused:
        await lists.page(replace(PODS, token=token(1)))
    page = await lists.page(replace(PODS, token=refused.value.token))
    assert (names_of(page), page.revision) == (["b", "c", "d"], 3)


async def test_an_exact_revision_is_rewound_within_the_same_bound() -> None:
    view = a_view("a")
    add(view, "b", "c")
    exact = replace(PODS, exact_revision=Revision(2))
    assert names_of(await lists_of(view).page(exact)) == ["a", "b"]
    add(view, "d")
    with pytest.raises(Expired):
        await lists_of(view, PastBounds(rewound_changes_max=1)).page(exact)
    with pytest.raises(RevisionAhead):
        await lists_of(view).page(replace(PODS, exact_revision=Revision(9)))


async def test_a_loop_iteration_examines_a_bounded_number_of_objects_for_all_lists() -> None:
    view, labels = View(), CountedLabels(app="x")
    pods = [
        replace(pod, metadata=replace(pod.metadata, labels=labels))
        for pod in (a_pod(f"p{number}") for number in range(2 * KEYS_A_PIECE))
    ]
    view.reset(load(pods, revision=Revision(1)), history=(), compacted=Revision(1))
    lists = lists_of(view)
    listing = replace(PODS, labels=parse_selector("app!=y"))
    all_of_them = asyncio.gather(*(lists.page(listing) for _ in range(5)))
    pages, rounds = await work_a_round(all_of_them, lambda: labels.looked_up)
    assert {len(page.objects) for page in pages} == {len(pods)}
    assert max(rounds) <= KEYS_A_PIECE < sum(rounds)


WEB = Interest(labels=parse_selector("tier=web"))


async def objects_in(
    initial_states: InitialStates, snapshot: Snapshot, interest: Interest
) -> list[Object]:
    found = initial_states.objects(snapshot, interest, epoch=0)
    return [registered async for piece in found for registered in piece]


async def test_the_initial_state_is_what_matches_by_kind_and_key() -> None:
    pod, web = a_pod(labels={"tier": "web"}), a_service(labels={"tier": "web"})
    snapshot = load([pod, web, a_service("other")], revision=Revision(3))
    assert await objects_in(InitialStates(), snapshot, WEB) == [web, pod]
    assert await objects_in(InitialStates(), snapshot, replace(WEB, namespace="elsewhere")) == []


async def test_a_loop_iteration_examines_a_bounded_number_of_objects_for_all_watches() -> None:
    labels = CountedLabels(app="x")
    pods = [
        replace(pod, metadata=replace(pod.metadata, labels=labels))
        for pod in (a_pod(f"p{number}") for number in range(2 * KEYS_A_PIECE))
    ]
    snapshot, initial_states = load(pods, revision=Revision(1)), InitialStates()
    wants = [Interest(labels=parse_selector(f"app!=y{number}")) for number in range(6)]
    all_of_them = asyncio.gather(*(objects_in(initial_states, snapshot, each) for each in wants))
    states, rounds = await work_a_round(all_of_them, lambda: labels.looked_up)
    assert [len(state) for state in states] == 6 * [len(pods)]
    assert max(rounds) <= KEYS_A_PIECE < sum(rounds)


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
        ("a" * 8_193, POD, ""),
    ],
)
def test_a_token_of_another_list_or_spelling_is_refused(
    token: str, kind: AnyResource, namespace: str
) -> None:
    with pytest.raises(BadRequest, match="continue key is not valid"):
        parse_token(token, kind, namespace)
