"""Kept answers: given again exactly as long as everything that they depend on holds."""

import gzip
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.http.kept_answers import (
    ENTRY_OCTETS,
    KEEPING,
    Fields,
    Keeping,
    KeptAnswers,
    count_kept,
    digest_of,
    keep_if,
    keep_not,
    keep_while,
)
from app.domain.names import Revision
from app.domain.snapshot import Snapshot

DATE: Fields = [(b"date", b"Tue, 01 Dec 2026 12:00:00 GMT"), (b"server", b"uvicorn")]
LATER: Fields = [(b"date", b"Tue, 01 Dec 2026 12:00:01 GMT"), (b"server", b"uvicorn")]
HEAD = digest_of(b"GET / HTTP/1.1\r\n\r\n")


@dataclass
class World:
    """A state that a test moves, and answers made from it."""

    snapshot: Snapshot = field(default_factory=lambda: Snapshot(revision=Revision(42)))

    def move(self, revision: int) -> None:
        """Come to a state that has another revision."""
        self.snapshot = replace(self.snapshot, revision=Revision(revision))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def kept(world: World) -> KeptAnswers:
    return KeptAnswers(world)


def written(body: bytes, fields: Fields = DATE) -> bytes:
    """Write an answer as the server does."""
    defaults = b"".join(b"%b: %b\r\n" % each for each in fields)
    length = b"content-length: %d\r\n" % len(body)
    return b"HTTP/1.1 200 OK\r\n" + defaults + length + b"\r\n" + body


def always(_: Snapshot) -> bool:
    return True


def a_keeping(digest: bytes = HEAD, revision: int | None = None) -> Keeping:
    keeping = Keeping(digest)
    keep_while(
        {KEEPING: keeping}, always, revision=None if revision is None else Revision(revision)
    )
    return keeping


def shown(revision: int) -> bytes:
    return b'{"name":"ent","resourceVersion":"%d"}' % revision


def test_an_answer_is_given_again_with_the_present_date(kept: KeptAnswers) -> None:
    assert kept.answer(HEAD, DATE) is None
    kept.keep(a_keeping(), written(b"{}"), DATE)
    assert kept.answer(HEAD, DATE) == written(b"{}")
    assert kept.answer(HEAD, LATER) == written(b"{}", LATER)
    assert kept.answer(digest_of(b"GET /b HTTP/1.1\r\n\r\n"), DATE) is None


def test_an_answer_of_a_route_that_says_nothing_is_not_kept(kept: KeptAnswers) -> None:
    kept.keep(Keeping(HEAD), written(b"{}"), DATE)
    assert not len(kept)


def test_a_layer_may_be_against_it_before_or_after_the_route(kept: KeptAnswers) -> None:
    for order in ((keep_not, None), (None, keep_not)):
        keeping = Keeping(HEAD)
        scope = {KEEPING: keeping}
        for step in order:
            if step is None:
                keep_while(scope, always)
            else:
                step(scope)
        kept.keep(keeping, written(b"{}"), DATE)
    assert not len(kept)


def test_a_request_whose_answer_is_not_kept_is_told_nothing() -> None:
    scope: dict[str, object] = {}
    keep_if(scope, lambda: True)
    keep_while(scope, always)
    count_kept(scope, lambda _: None)
    keep_not(scope)
    assert not scope


def test_an_answer_with_other_fields_first_is_not_kept(kept: KeptAnswers) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" + written(b"{}")
    kept.keep(a_keeping(), interim, DATE)
    kept.keep(a_keeping(), written(b"{}", LATER), DATE)
    assert not len(kept)


def test_an_answer_ends_with_its_ground(kept: KeptAnswers, world: World) -> None:
    keeping = a_keeping()
    keeping.grounds.append(lambda state: state.revision < 44)
    kept.keep(keeping, written(b"{}"), DATE)
    for revision, is_kept in ((42, True), (43, True), (44, False)):
        world.move(revision)
        assert (kept.answer(HEAD, DATE) is not None) == is_kept
    assert (len(kept), kept.octets) == (0, 0)


def test_a_ground_is_asked_once_a_state(kept: KeptAnswers, world: World) -> None:
    asked: list[int] = []
    keeping = a_keeping()
    keeping.grounds.append(lambda state: asked.append(state.revision) is None)
    kept.keep(keeping, written(b"{}"), DATE)
    for revision in (42, 42, 43, 43, 43):
        if revision != world.snapshot.revision:
            world.move(revision)
        assert kept.answer(HEAD, DATE)
    assert asked == [42, 43]


def test_a_check_is_asked_each_time_and_an_answer_may_come_back(kept: KeptAnswers) -> None:
    replies = [True, False, True]
    keeping = Keeping(HEAD)
    keep_if({KEEPING: keeping}, lambda: replies.pop(0))
    keep_while({KEEPING: keeping}, always)
    kept.keep(keeping, written(b"{}"), DATE)
    assert [kept.answer(HEAD, DATE) is not None for _ in range(3)] == [True, False, True]


def test_only_answers_that_are_given_are_counted(kept: KeptAnswers) -> None:
    counted: list[float] = []
    replies = [True, False, True]
    keeping = a_keeping()
    keep_if({KEEPING: keeping}, lambda: replies.pop(0))
    count_kept({KEEPING: keeping}, counted.append)
    kept.keep(keeping, written(b"{}"), DATE)
    for _ in range(3):
        kept.answer(HEAD, DATE)
    assert len(counted) == 2
    assert all(seconds >= 0 for seconds in counted)


@pytest.mark.parametrize("revision", [43, 99])
def test_an_answer_shows_the_present_revision(
    kept: KeptAnswers, world: World, revision: int
) -> None:
    kept.keep(a_keeping(revision=42), written(shown(42)), DATE)
    assert kept.answer(HEAD, DATE) == written(shown(42))
    world.move(revision)
    assert kept.answer(HEAD, DATE) == written(shown(revision))


def test_a_revision_of_more_digits_has_another_length_and_ends_it(
    kept: KeptAnswers, world: World
) -> None:
    kept.keep(a_keeping(revision=42), written(shown(42)), DATE)
    world.move(100)
    assert kept.answer(HEAD, DATE) is None


NAME_AS_REVISION = b'''"resourceVersion":"42"'''


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(shown(42)),
        b'{\n  "resourceVersion": "42"\n}\n',
        b"name: '" + NAME_AS_REVISION + b"'\nresourceVersion: '42'\n",
        shown(42) + shown(42),
    ],
    ids=["gzip", "indented", "yaml", "twice"],
)
def test_where_it_is_not_clear_an_answer_is_of_its_revision_alone(
    kept: KeptAnswers, world: World, body: bytes
) -> None:
    kept.keep(a_keeping(revision=42), written(body), DATE)
    assert kept.answer(HEAD, DATE) == written(body)
    world.move(43)
    assert kept.answer(HEAD, DATE) is None


def test_what_looks_like_a_revision_in_a_string_is_none(kept: KeptAnswers, world: World) -> None:
    body = rb'{"name":"\"resourceVersion\":\"42\"","resourceVersion":"42"}'
    kept.keep(a_keeping(revision=42), written(body), DATE)
    world.move(43)
    assert kept.answer(HEAD, DATE) == written(body[:-4] + b'43"}')


def test_a_lost_past_ends_all(kept: KeptAnswers, world: World) -> None:
    kept.keep(a_keeping(), written(b"{}"), DATE)
    world.move(41)
    assert kept.answer(HEAD, DATE) is None
    assert (len(kept), kept.octets) == (0, 0)


def test_of_too_many_the_one_not_asked_for_longest_goes(world: World) -> None:
    kept = KeptAnswers(world, kept_max=2)
    first, second, third = map(digest_of, (b"1", b"2", b"3"))
    for digest in (first, second):
        kept.keep(a_keeping(digest), written(b"{}"), DATE)
    assert kept.answer(first, DATE)
    kept.keep(a_keeping(third), written(b"{}"), DATE)
    assert kept.answer(second, DATE) is None
    assert kept.answer(first, DATE)
    assert kept.answer(third, DATE)


sizes = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3_000)), max_size=30)


@given(sizes)
def test_the_octets_of_all_have_a_bound(kept_sizes: list[tuple[int, int]]) -> None:
    octets_max = 3 * ENTRY_OCTETS
    kept = KeptAnswers(World(), octets_max=octets_max)
    for number, size in kept_sizes:
        kept.keep(a_keeping(b"%d" % number), written(b"x" * size), DATE)
        assert 0 <= kept.octets <= octets_max
        assert bool(kept.octets) == bool(len(kept))


def test_an_answer_that_is_kept_again_takes_the_place_of_the_one_before(kept: KeptAnswers) -> None:
    for body in (b"1", b"2"):
        kept.keep(a_keeping(), written(body), DATE)
    assert len(kept) == 1
    assert kept.answer(HEAD, DATE) == written(b"2")
