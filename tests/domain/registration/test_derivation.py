"""Derived objects: whatever happens to what they follow from, they are as if made afresh."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import NODE, Node
from app.domain.objects.pod import Pod
from app.domain.registration.derivation import (
    Derivation,
    followed,
    loaded_with_derived,
    with_derived,
    with_known_derived,
)
from app.domain.snapshot import Snapshot, load
from tests.builders import a_pod, key

# A Node for each name that Pods stand on, which counts them: no Node is stored in these tests.


def _keys(snapshot: Snapshot) -> set[NamespacedName]:
    return {NamespacedName("", pod.node_name) for pod in snapshot.pods.values()}


def _derive(snapshot: Snapshot, node: NamespacedName) -> Node | None:
    pods = snapshot.pods_on(node.name)
    if not pods:
        return None
    return Node(metadata=ObjectMeta(name=node.name), capacity={"pods": str(len(pods))})


def _touched(_: Snapshot, change: Change) -> Iterator[NamespacedName]:
    for side in (change.before, change.after):
        if isinstance(side, Pod):
            yield NamespacedName("", side.node_name)


COUNTS = (Derivation(resource=NODE, keys=_keys, derive=_derive, touched=_touched),)


def counts(snapshot: Snapshot) -> dict[str, str]:
    return {each.name: node.capacity["pods"] for each, node in snapshot.nodes.items()}


def stored(revision: int, before: Pod | None, after: Pod | None) -> Change:
    if after is not None:
        meta = replace(after.metadata, revision=Revision(revision))
        after = replace(after, metadata=meta)
    return Change(revision=Revision(revision), before=before, after=after)


steps = st.lists(
    st.tuples(
        st.booleans(),  # whether it shares the revision of the step before it
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["n1", "n2", ""]),  # where the Pod goes; nowhere deletes it
    ),
    max_size=12,
)


def history(drawn: list[tuple[bool, str, str]]) -> list[Change]:
    """Make changes of Pods, one at a revision for each Pod."""
    held: dict[str, Pod] = {}
    changes: list[Change] = []
    revision = 1
    seen: set[str] = set()
    for is_together, name, node in drawn:
        if not is_together or name in seen:
            revision += 1
            seen = set()
        before = held.get(name)
        after = a_pod(name, node_name=node) if node else None
        if before is None and after is None:
            continue
        seen.add(name)
        change = stored(revision, before, after)
        changes.append(change)
        if isinstance(change.after, Pod):
            held[name] = change.after
        else:
            held.pop(name)
    return changes


@given(steps)
def test_following_changes_comes_to_what_making_all_afresh_comes_to(
    drawn: list[tuple[bool, str, str]],
) -> None:
    changes = history(drawn)
    after, every = followed(Snapshot(), changes, COUNTS)
    afresh = with_derived(Snapshot().apply(changes), COUNTS)
    assert counts(after) == counts(afresh)
    assert after.pods == afresh.pods
    assert Snapshot().apply(every) == after
    assert [change for change in every if change.kind == "Pod"] == changes


@given(steps, st.integers(0, 8))
def test_history_that_is_loaded_is_the_one_that_was_shown(
    drawn: list[tuple[bool, str, str]], compacted: int
) -> None:
    changes = history(drawn)
    shown, every = followed(Snapshot(), changes, COUNTS)
    kept = [change for change in changes if change.revision > compacted]
    loaded, past = loaded_with_derived(Snapshot().apply(changes), kept, COUNTS)
    assert [seen(change) for change in past] == [
        seen(change) for change in every if change.revision > compacted
    ]
    assert (counts(loaded), loaded.pods) == (counts(shown), shown.pods)
    for node, counted in loaded.nodes.items():
        was = shown.nodes[node].metadata.revision
        assert counted.metadata.revision == (was if was > compacted else shown.revision)


def seen(change: Change) -> tuple[object, ...]:
    """What a watcher sees of a change; what was there before may be older than the history."""
    counted = change.before.capacity if isinstance(change.before, Node) else None
    return change.revision, change.type, change.key, change.after, counted


def test_a_decided_state_is_not_computed_again() -> None:
    change = stored(1, None, a_pod("a", node_name="n1"))
    decided = Snapshot().apply([change])
    after, _ = followed(Snapshot(), [change], COUNTS, decided=decided)
    assert after.pods is decided.pods
    assert counts(after) == {"n1": "1"}


def test_what_is_older_than_the_history_bears_the_revision_at_which_it_is_loaded() -> None:
    old = a_pod("a", node_name="n1")
    loaded, past = loaded_with_derived(load([old], revision=Revision(9)), (), COUNTS)
    assert past == ()
    assert loaded.nodes[NamespacedName("", "n1")].metadata.revision == 9


def test_what_is_as_it_was_keeps_its_revision_when_all_is_loaded_anew() -> None:
    shown, _ = followed(Snapshot(), [stored(1, None, a_pod("a", node_name="n1"))], COUNTS)
    again = load(shown.pods.values(), revision=Revision(9))
    loaded, _ = loaded_with_derived(again, (), COUNTS)
    assert loaded.nodes != shown.nodes
    assert with_known_derived(shown, loaded, COUNTS).nodes == shown.nodes


def test_a_change_that_alters_nothing_derived_is_followed_by_nothing() -> None:
    before = stored(1, None, a_pod("a", node_name="n1"))
    assert isinstance(before.after, Pod)
    known, _ = followed(Snapshot(), [before], COUNTS)
    labelled = replace(before.after, hostname="other")
    after, every = followed(known, [stored(2, before.after, labelled)], COUNTS)
    assert len(every) == 1
    assert after.nodes == known.nodes


def test_without_derivations_nothing_is_added() -> None:
    change = stored(1, None, a_pod("a", node_name="n1"))
    snapshot = Snapshot().apply([change])
    assert loaded_with_derived(snapshot, [change], ()) == (snapshot, (change,))
    assert key("default/a") in snapshot.pods
