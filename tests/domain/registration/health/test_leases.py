"""An expired lease makes a Pod not ready; a heartbeat restores its previous condition."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.objects.meta import Condition
from app.domain.objects.pod import (
    LEASE_EXPIRED,
    NODE_LEASE_EXPIRED,
    READY,
    READY_BEFORE,
    Pod,
)
from app.domain.registration.health.leases import (
    REMOVAL_GRACE_S_MIN,
    Expiry,
    is_removable,
    marked_expired,
    restored,
    was_ready,
    without_leftovers,
)
from tests.builders import NOON, a_condition, a_pod

LATER = NOON + timedelta(minutes=5)
OWN = Expiry(reason=LEASE_EXPIRED, heard_at=NOON, since=NOON + timedelta(seconds=30))
NODES = replace(OWN, reason=NODE_LEASE_EXPIRED)

said = st.sampled_from(
    [
        a_condition(READY, "True", reason="Registered", message="all is well"),
        a_condition(READY, "True", last_transition_at=NOON - timedelta(days=1)),
        a_condition(READY, "False", reason="Draining", last_transition_at=NOON),
        a_condition(READY, "True", reason="NoReadinessProbe"),
    ]
)
others = st.lists(st.sampled_from(["PodScheduled", "Initialized"]).map(a_condition), max_size=2)
expiries = st.sampled_from([OWN, NODES])


def the_ready(pod: Pod) -> Condition:
    assert pod.ready_condition is not None
    return pod.ready_condition


def test_a_pod_with_an_expired_lease_says_since_when_and_why() -> None:
    expired = marked_expired(a_pod(), OWN, now=LATER)

    assert the_ready(expired) == Condition(
        type=READY,
        status="False",
        reason="LeaseExpired",
        message="no heartbeat since 2026-01-01T12:00:00Z",
        last_transition_at=LATER,
    )
    assert not expired.is_ready
    assert was_ready(expired)


def test_the_expired_lease_of_a_node_names_the_node() -> None:
    assert the_ready(marked_expired(a_pod(), NODES, now=LATER)).message == (
        "no heartbeat of node n1 since 2026-01-01T12:00:00Z"
    )


def test_the_pods_own_lease_outranks_that_of_the_node() -> None:
    both = marked_expired(marked_expired(a_pod(), NODES, now=NOON), OWN, now=LATER)

    assert the_ready(both).reason == LEASE_EXPIRED
    assert the_ready(both).last_transition_at == NOON  # it has not been ready in between
    assert restored(both, at=None) == a_pod()


def test_a_pod_that_was_not_ready_stays_so_when_heartbeats_return() -> None:
    draining = a_condition(READY, "False", reason="Draining", last_transition_at=NOON)
    pod = a_pod(conditions=(draining,))
    expired = marked_expired(pod, OWN, now=LATER)

    assert the_ready(expired).last_transition_at == NOON
    assert not was_ready(expired)
    assert restored(expired, at=LATER) == pod


def test_without_a_kept_condition_a_pod_is_restored_like_a_new_one() -> None:
    claimed = a_pod(conditions=(a_condition(READY, "False", reason=LEASE_EXPIRED),))

    assert the_ready(restored(claimed, at=LATER)).reason == "NoReadinessProbe"
    assert not was_ready(claimed)


def test_the_return_of_heartbeats_is_a_transition() -> None:
    back = restored(marked_expired(a_pod(), OWN, now=NOON), at=LATER)
    assert the_ready(back).last_transition_at == LATER


def test_an_expired_lease_does_not_expire_again() -> None:
    expired = marked_expired(a_pod(), OWN, now=NOON)
    assert marked_expired(expired, OWN, now=LATER) is expired
    assert the_ready(expired).last_transition_at == NOON


def test_a_heartbeat_does_not_change_a_pod_without_expired_lease() -> None:
    pod = a_pod()
    assert restored(pod, at=LATER) is pod


def test_the_kept_condition_is_dropped_by_a_new_report() -> None:
    expired = marked_expired(a_pod(), OWN, now=LATER)
    kept = [entry for entry in expired.conditions if entry.type == READY_BEFORE]
    reported = replace(expired, conditions=(a_condition(READY), *kept))

    assert without_leftovers(reported).conditions == (a_condition(READY),)
    assert without_leftovers(expired) is expired


@pytest.mark.parametrize(("lease_s", "grace_s"), [(1, REMOVAL_GRACE_S_MIN), (600, 600)])
def test_a_pod_with_an_expired_lease_is_removed_after_another_lease_duration(
    lease_s: int, grace_s: int
) -> None:
    pod = marked_expired(a_pod(lease_duration_s=lease_s), OWN, now=LATER)
    end = LATER + timedelta(seconds=grace_s)

    assert not is_removable(pod, OWN, earliest=NOON, now=end - timedelta(seconds=1))
    assert is_removable(pod, OWN, earliest=NOON, now=end)
    assert not is_removable(pod, OWN, earliest=end, now=end)


def test_only_its_own_lease_removes_a_pod() -> None:
    never = LATER + timedelta(days=365)
    assert not is_removable(
        marked_expired(a_pod(), NODES, now=LATER), NODES, earliest=NOON, now=never
    )
    assert not is_removable(a_pod(), OWN, earliest=NOON, now=never)


@given(said, others, expiries)
def test_a_heartbeat_undoes_an_expiry(
    ready: Condition, conditions: list[Condition], expiry: Expiry
) -> None:
    pod = a_pod(conditions=(*conditions, ready))
    expired = marked_expired(pod, expiry, now=LATER)

    assert expired.has_expired_lease
    assert was_ready(expired) == was_ready(pod)
    assert marked_expired(expired, expiry, now=LATER + timedelta(days=1)) is expired
    assert restored(expired, at=None) == pod
    assert restored(pod, at=LATER) is pod
    back = restored(expired, at=LATER)
    assert back.is_ready == pod.is_ready
    assert [entry.type for entry in back.conditions] == [entry.type for entry in pod.conditions]
