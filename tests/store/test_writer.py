"""The contract of every writer, in memory and on PostgreSQL; then tests of PostgreSQL alone."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import event, text

from app.domain.errors import AlreadyExists, Invalid, NotFound, NotSynced
from app.domain.names import REVISION_ZERO
from app.domain.objects.resource import Object
from app.domain.objects.service import SERVICE, Service
from app.domain.snapshot import Snapshot, load
from app.domain.work import Policy, Work
from app.registry.ports import Writer
from app.registry.reads.view import View
from app.registry.writes import lifecycle
from app.registry.writes.bootstrap import bootstrap
from app.registry.writes.reconcile import reconcile
from app.store.batch import AT_ONCE_MAX
from app.store.change_log import ChangeLogFollower
from app.store.keeping.check import check
from app.store.writer import LONG_TRIES_MAX, PostgresWriter
from tests.builders import a_namespace, a_pod, a_service, key
from tests.databases import connected
from tests.memory_writer import MemoryWriter
from tests.registries import a_registry


@dataclass(frozen=True, slots=True)
class Written:
    writer: Writer
    view: View


@asynccontextmanager
async def a_writer(kind: str, url: str) -> AsyncGenerator[Written, None]:
    if kind == "memory":
        view = View()
        memory = MemoryWriter(view)
        memory.write_now(lambda work: bootstrap(work, with_dns=False))
        yield Written(memory, view)
        return
    async with a_registry(url) as registry:
        yield Written(registry.writer, registry.view)


both = pytest.mark.parametrize("kind", ["memory", "postgres"])


def a_draft(name: str = "ent") -> Service:
    selector = {"app": "ent"}
    return a_service(name, selector=selector, cluster_ip="", cluster_ips=(), ip_families=())


def creating(draft: Object) -> Callable[[Work], Object]:
    return lambda work: lifecycle.create(work, draft)


@both
async def test_a_write_is_visible_when_it_is_answered(kind: str, database_url: str) -> None:
    async with a_writer(kind, database_url) as written:
        stored = await written.writer.write(creating(a_draft()))
        assert written.view.snapshot.services[key("ent")] == stored
        assert stored.metadata.revision == written.view.snapshot.revision


@both
async def test_slices_have_the_revision_of_their_cause(kind: str, database_url: str) -> None:
    async with a_writer(kind, database_url) as written:
        await written.writer.write(creating(a_draft()))
        pod = await written.writer.write(creating(a_pod("ent-1", labels={"app": "ent"})))
        (slice_,) = written.view.snapshot.slices_of(key("ent"))
    assert slice_.metadata.revision == pod.metadata.revision


@both
async def test_a_refusal_leaves_nothing_behind(kind: str, database_url: str) -> None:
    async with a_writer(kind, database_url) as written:
        before = written.view.snapshot
        with pytest.raises(Invalid):
            await written.writer.write(creating(a_service("Not A Name", namespace="new")))
        assert written.view.snapshot is before


@both
async def test_a_dry_run_gives_the_result_and_commits_nothing(kind: str, database_url: str) -> None:
    async with a_writer(kind, database_url) as written:
        before = written.view.snapshot
        shown = await written.writer.write(creating(a_draft()), dry_run=True)
        assert isinstance(shown, Service)
        assert shown.addresses
        assert written.view.snapshot is before
        again = await written.writer.write(creating(a_draft()))
        assert isinstance(again, Service)
        assert again.addresses == shown.addresses


@both
async def test_a_trial_says_whether_a_decision_would_change_anything(
    kind: str, database_url: str
) -> None:
    async with a_writer(kind, database_url) as written:
        before = written.view.snapshot
        assert written.writer.would_change(creating(a_draft()))
        assert not written.writer.would_change(lambda work: work.find("Service", key("ent")))
        assert written.view.snapshot is before
        with pytest.raises(NotFound):
            written.writer.would_change(lambda work: lifecycle.require(work, SERVICE, key("ent")))


@both
async def test_a_trial_uses_the_policy_of_writes(kind: str, database_url: str) -> None:
    policies: list[Policy] = []
    async with a_writer(kind, database_url) as written:
        written.writer.would_change(lambda work: policies.append(work.policy))
        await written.writer.write(lambda work: policies.append(work.policy))
    assert policies[0] is policies[1]


@both
async def test_a_decision_without_changes_takes_no_revision(kind: str, database_url: str) -> None:
    async with a_writer(kind, database_url) as written:
        stored = await written.writer.write(creating(a_draft()))
        assert isinstance(stored, Service)
        before = written.view.snapshot
        again, _ = await written.writer.write(lambda work: lifecycle.put(work, stored))
        assert again == stored
        assert written.view.snapshot is before


@both
async def test_history_has_no_gaps_and_increasing_revisions(kind: str, database_url: str) -> None:
    async with a_writer(kind, database_url) as written:
        start = written.view.snapshot.revision
        names = [f"n-{number}" for number in range(20)]
        await asyncio.gather(*(written.writer.write(creating(a_namespace(name))) for name in names))
        history = written.view.history(start)
    assert [change.revision for change in history] == [start + 1 + step for step in range(20)]


@both
async def test_a_refused_decision_does_not_stop_others_of_its_batch(
    kind: str, database_url: str
) -> None:
    async with a_writer(kind, database_url) as written:
        results = await asyncio.gather(
            *(written.writer.write(creating(a_draft(name))) for name in ("a", "a", "b")),
            return_exceptions=True,
        )
    assert [type(result) for result in results] == [Service, AlreadyExists, Service]


@both
async def test_an_error_fails_only_its_decision(kind: str, database_url: str) -> None:
    def broken(_: Work) -> None:
        raise ZeroDivisionError

    async with a_writer(kind, database_url) as written:
        with pytest.raises(ZeroDivisionError):
            await written.writer.write(broken)
        await written.writer.write(creating(a_draft()))


async def test_the_stored_state_loads_equal_to_the_shown_one(database_url: str) -> None:
    async with a_writer("postgres", database_url) as written:
        await written.writer.write(creating(a_draft()))
        await written.writer.write(creating(a_pod("ent-1", labels={"app": "ent"})))
        await written.writer.write(
            lambda work: lifecycle.delete(work, SERVICE, key("ent"), grace_s=0)
        )
        await written.writer.write(creating(a_draft("other")))
        shown = written.view.snapshot
    async with a_writer("postgres", database_url) as written:
        assert written.view.snapshot == shown
        kept = [
            each
            for kind in ("Namespace", "ServiceCIDR", "Service", "Pod", "EndpointSlice")
            for each in shown.objects[kind].values()
        ]
        assert load(kept, revision=shown.revision) == shown


async def test_two_processes_share_one_order_and_one_range(database_url: str) -> None:
    async with (
        a_writer("postgres", database_url) as here,
        a_writer("postgres", database_url) as there,
    ):
        stored = await asyncio.gather(
            *(
                side.writer.write(creating(a_draft(f"s-{number}-{name}")))
                for number in range(20)
                for name, side in (("here", here), ("there", there))
            )
        )
        last = max(each.metadata.revision for each in stored)
        snapshots = [await side.view.wait_for(last, timeout_s=30) for side in (here, there)]
        histories = [side.view.history(REVISION_ZERO) for side in (here, there)]

    addresses = [each.addresses for each in stored if isinstance(each, Service)]
    assert len(set(addresses)) == len(stored)
    assert snapshots[0] == snapshots[1]
    assert histories[0] == histories[1]


@asynccontextmanager
async def a_deaf_writer(url: str) -> AsyncGenerator[tuple[Written, list[str]], None]:
    """Give a writer that is not notified of other commits, and the locks that it takes."""
    view, locks = View(), list[str]()
    async with connected(url) as engine:
        follower = ChangeLogFollower(engine, view)
        await follower.load()

        def note(_: object, __: object, statement: str, *___: object) -> None:
            locks.extend([statement] if "FOR UPDATE" in statement else [])

        event.listen(engine.sync_engine, "before_cursor_execute", note)
        writer = PostgresWriter(
            engine, view, policy=Policy(), conclude=reconcile, follower=follower
        )
        running = asyncio.create_task(writer.run())
        yield Written(writer, view), locks
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_consecutive_writes_of_a_process_take_no_separate_lock(database_url: str) -> None:
    async with a_writer("postgres", database_url), a_deaf_writer(database_url) as (deaf, locks):
        for draft in (a_pod("first"), a_pod("second"), a_draft()):
            await deaf.writer.write(creating(draft))
        assert len(locks) == 1, "the first write looks where the counter stands"
        with pytest.raises(AlreadyExists):
            await deaf.writer.write(creating(a_pod("first")))
        assert len(locks) == 2, "a refusal is an answer, and rests on the latest state"


async def test_an_address_released_and_taken_in_one_write_has_its_new_holder(
    database_url: str,
) -> None:
    async with (
        a_writer("postgres", database_url) as written,
        connected(database_url) as engine,
    ):
        first = await written.writer.write(creating(a_draft("first")))
        assert isinstance(first, Service)
        heir = replace(a_draft("heir"), cluster_ip=first.cluster_ip, cluster_ips=first.addresses)

        def hand_over(work: Work) -> Object:
            lifecycle.delete(work, SERVICE, first.metadata.key)
            return lifecycle.create(work, heir)

        stored = await written.writer.write(hand_over)
        assert isinstance(stored, Service)
        assert stored.addresses == first.addresses
        assert await check(engine) == ()


async def test_a_decision_runs_once_when_nothing_has_changed_since(database_url: str) -> None:
    decided: list[str] = []

    def deciding(name: str) -> Callable[[Work], Object]:
        def decide(work: Work) -> Object:
            decided.append(name)
            return lifecycle.create(work, a_draft(name))

        return decide

    async with (
        a_writer("postgres", database_url) as other,
        a_deaf_writer(database_url) as (deaf, _),
    ):
        await deaf.writer.write(deciding("first"))
        await deaf.writer.write(deciding("second"))
        assert decided == ["first", "second"]
        await other.writer.write(creating(a_pod("theirs")))
        await deaf.writer.write(deciding("third"))
        assert decided == ["first", "second", "third", "third"]


async def test_a_write_sees_commits_of_other_processes_without_notification(
    database_url: str,
) -> None:
    async with (
        a_writer("postgres", database_url) as other,
        a_deaf_writer(database_url) as (deaf, locks),
    ):
        start = (await deaf.writer.write(creating(a_draft()))).metadata.revision
        for round_ in range(3):
            theirs = await other.writer.write(creating(a_pod(f"theirs-{round_}")))
            ours = await deaf.writer.write(creating(a_pod(f"ours-{round_}", labels={"app": "ent"})))
            assert ours.metadata.revision == theirs.metadata.revision + 1
            assert theirs.metadata.key in deaf.view.snapshot.pods
        await other.writer.write(creating(a_pod("taken")))
        with pytest.raises(AlreadyExists):
            await deaf.writer.write(creating(a_pod("taken")))
        assert len(locks) == 5, "each time the state had moved on"
        last = deaf.view.snapshot.revision
        assert await other.view.wait_for(last, timeout_s=30) == deaf.view.snapshot
        assert other.view.history(start) == deaf.view.history(start)


@pytest.mark.parametrize("written_before", [False, True])
async def test_a_commit_that_fails_is_never_acknowledged(
    database_url: str, *, written_before: bool
) -> None:
    async with a_writer("postgres", database_url), a_deaf_writer(database_url) as (deaf, locks):
        if written_before:
            await deaf.writer.write(creating(a_pod("before")))
        before = deaf.view.snapshot
        async with connected(database_url) as engine, engine.begin() as connection:
            # Someone else holds every address: the constraint refuses a second holder.
            await connection.execute(
                text(
                    "INSERT INTO cluster_ips SELECT '10.96.0.0'::inet + n, 'default', 'thief' "
                    "FROM generate_series(1, 254) AS n"
                )
            )
        with pytest.raises(NotSynced, match="waypost check"):
            await deaf.writer.write(creating(a_draft()))
        assert deaf.view.snapshot is before
        assert len(locks) == 1
        await deaf.writer.write(creating(a_pod("after")))


async def test_a_full_disk_is_said_and_the_next_write_is_as_good_as_any(
    database_url: str,
) -> None:
    body = "BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END"
    full = (
        f"CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
        "CREATE TRIGGER fill BEFORE INSERT ON objects EXECUTE FUNCTION fill()",
    )
    freed = ("DROP TRIGGER fill ON objects", "DROP FUNCTION fill")
    async with a_writer("postgres", database_url) as written, connected(database_url) as engine:

        async def run(statements: Iterable[str]) -> None:
            async with engine.begin() as connection:
                for statement in statements:
                    await connection.execute(text(statement))

        await run(full)
        try:
            with pytest.raises(NotSynced, match="the disk of the database is full; the write did"):
                await written.writer.write(creating(a_draft()))
        finally:
            await run(freed)
        await written.writer.write(creating(a_draft()))


async def test_a_write_that_times_out_as_it_is_taken_fails_no_other(database_url: str) -> None:
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        follower = ChangeLogFollower(engine, registry.view)
        writer = PostgresWriter(
            engine,
            registry.view,
            policy=registry.policy,
            conclude=reconcile,
            follower=follower,
        )
        writer.queue.queued_s_max = 0
        running = asyncio.create_task(writer.run())
        for number in range(5):
            writing = writer.write(creating(a_draft(f"ent-{number}")))
            (outcome,) = await asyncio.gather(writing, return_exceptions=True)
            assert isinstance(outcome, Service | NotSynced)
            assert not running.done()
        running.cancel()


@pytest.mark.parametrize("reach", [1, AT_ONCE_MAX, AT_ONCE_MAX + 1, 10 * AT_ONCE_MAX])
async def test_a_decision_that_may_touch_many_objects_runs_in_a_thread(
    reach: int, database_url: str
) -> None:
    async with a_writer("postgres", database_url) as written:
        for draft in (a_draft("web"), a_draft("ent")):

            def decide(work: Work, draft: Service = draft) -> int:
                lifecycle.create(work, draft)
                return threading.get_ident()

            thread = await written.writer.write(decide, reach=reach)
            assert (thread != threading.get_ident()) is (reach > AT_ONCE_MAX)
        assert len(written.view.snapshot.services) == 2


async def test_a_long_decision_holds_no_lock_and_runs_again_when_others_commit(
    database_url: str,
) -> None:
    async with a_registry(database_url) as ours, a_registry(database_url) as others:
        calls: list[threading.Event] = []

        def decide(work: Work) -> None:
            may_go_on = threading.Event()
            calls.append(may_go_on)
            may_go_on.wait(timeout=60)
            lifecycle.create(work, a_draft("long"))

        writing = asyncio.create_task(ours.writer.write(decide, reach=10 * AT_ONCE_MAX))
        for number in range(LONG_TRIES_MAX):
            while len(calls) <= number:  # noqa: ASYNC110  appended by a thread
                await asyncio.sleep(0.01)
            await others.writer.write(creating(a_draft(f"other-{number}")))
            calls[number].set()
        while not writing.done():
            calls[-1].set()
            await asyncio.sleep(0.01)
        await writing
        names = {name.name for name in ours.view.snapshot.services}
    assert names == {"long", *(f"other-{number}" for number in range(LONG_TRIES_MAX))}
    assert len(calls) > LONG_TRIES_MAX


async def test_the_decided_state_is_the_one_that_is_shown(database_url: str) -> None:
    async with a_writer("postgres", database_url) as written:
        await written.writer.write(creating(a_draft("first")))  # from now on nothing is asked first
        before, decided = written.view.snapshot, list[Snapshot]()

        def decide(work: Work) -> None:
            for number in range(300):
                lifecycle.create(work, a_pod(f"ent-{number}", labels={"app": "ent"}))
            reconcile(work)
            decided.append(work.snapshot)

        await written.writer.write(decide, reach=300)
        after = written.view.snapshot
        changes = written.view.history(before.revision)
    assert after is decided[0]
    assert after == before.apply(changes)
