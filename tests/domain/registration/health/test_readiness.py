"""Thresholds of probe results, and the Ready condition made from them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import Uid
from app.domain.objects.meta import Condition
from app.domain.objects.pod import (
    LEASE_EXPIRED,
    NODE_LEASE_EXPIRED,
    READY,
    ExecAction,
    Pod,
    Probe,
    TCPSocketAction,
)
from app.domain.registration.health.leases import Expiry, marked_expired
from app.domain.registration.health.readiness import (
    PROBE_FAILED,
    PROBE_SUCCEEDED,
    Report,
    Standing,
    after,
    first_standing,
    reported,
    verdict,
)
from tests.builders import NOON, a_condition, a_container, a_pod

LATER = NOON + timedelta(minutes=5)
results = st.lists(st.sampled_from(["", "refused", "HTTP 503"]), max_size=12)
thresholds = st.integers(1, 4)


def stand(results: list[str], probe: Probe, *, is_passing: bool) -> Standing:
    standing = Standing(is_passing=is_passing)
    for failure in results:
        standing = after(standing, failure, probe)
    return standing


@pytest.mark.parametrize(
    ("begins", "results", "ends"),
    [
        (True, ["x", "x"], True),
        (True, ["x", "x", "x"], False),
        (True, ["x", "x", "", "x", "x"], True),
        (False, [""], False),
        (False, ["", ""], True),
        (False, ["", "x", ""], False),
        (True, ["x", "x", "x", ""], False),
    ],
)
def test_a_run_of_results_counts_at_its_threshold(
    begins: bool,  # noqa: FBT001
    results: list[str],
    ends: bool,  # noqa: FBT001
) -> None:
    probe = Probe(failure_threshold=3, success_threshold=2)
    assert stand(results, probe, is_passing=begins).is_passing == ends


def test_the_message_is_that_of_the_last_failure_that_counts() -> None:
    probe = Probe(failure_threshold=2, success_threshold=3)
    assert stand(["a", "b"], probe, is_passing=True).words == "b"
    assert stand(["a", "b", "c"], probe, is_passing=True).words == "c"
    assert stand([""], probe, is_passing=False).words == "1 of 3 successes in a row"


@given(results, thresholds, thresholds, st.booleans())
def test_only_a_full_run_changes_the_standing(
    results: list[str],
    failures: int,
    successes: int,
    begins: bool,  # noqa: FBT001
) -> None:
    probe = Probe(failure_threshold=failures, success_threshold=successes)
    is_passing = begins
    for end in range(1, len(results) + 1):
        threshold = failures if is_passing else successes
        run = results[max(0, end - threshold) : end]
        flips = len(run) == threshold and all(bool(entry) == is_passing for entry in run)
        # A run that began before the last flip counted for that flip.
        now = stand(results[:end], probe, is_passing=begins).is_passing
        assert flips or now == is_passing
        is_passing = now


def test_a_pod_is_ready_when_all_its_containers_pass() -> None:
    passing, failing = Standing(is_passing=True), Standing(words="HTTP 503")
    pod = a_pod()
    assert verdict(pod, {"a": passing, "b": passing}) == Report(uid=pod.metadata.uid, is_ready=True)
    assert verdict(pod, {"a": passing, "b": failing}).message == "b: HTTP 503"
    assert verdict(pod, {"a": failing}).message == "HTTP 503"


def test_a_new_prober_starts_from_the_present_readiness() -> None:
    assert first_standing(a_pod(ready=True)).is_passing
    assert not first_standing(a_pod(ready=False)).is_passing
    assert verdict(a_pod(), {"a": Standing()}).message == "it has not been probed yet"


def a_report(*, is_ready: bool, message: str = "") -> Report:
    return Report(uid=a_pod().metadata.uid, is_ready=is_ready, message=message)


def test_a_report_replaces_the_condition_in_its_place() -> None:
    pod = a_pod(conditions=(a_condition("A"), a_condition(READY), a_condition("B")))
    out = reported(pod, a_report(is_ready=False, message="HTTP 503"), now=LATER)

    assert [entry.type for entry in out.conditions] == ["A", READY, "B"]
    assert out.ready_condition == Condition(
        type=READY,
        status="False",
        reason=PROBE_FAILED,
        message="HTTP 503",
        last_transition_at=LATER,
    )


def test_only_a_change_of_status_is_a_transition() -> None:
    since = a_condition(READY, "False", reason="NotProbedYet", last_transition_at=NOON)
    out = reported(a_pod(conditions=(since,)), a_report(is_ready=False, message="x"), now=LATER)
    assert out.ready_condition is not None
    assert out.ready_condition.last_transition_at == NOON


def test_an_unchanged_report_changes_nothing() -> None:
    ready = a_condition(READY, reason=PROBE_SUCCEEDED, last_transition_at=NOON)
    pod = a_pod(conditions=(ready,))
    assert reported(pod, a_report(is_ready=True), now=LATER) is pod


def test_a_report_on_another_pod_of_the_same_name_is_ignored() -> None:
    pod = a_pod()
    assert reported(pod, Report(uid=Uid("other"), is_ready=False), now=LATER) is pod


def test_a_pod_without_condition_gets_one() -> None:
    out = reported(a_pod(ready=None), a_report(is_ready=True), now=LATER)
    assert out.is_ready


@pytest.mark.parametrize(
    ("reason", "is_ready"), [(LEASE_EXPIRED, False), (NODE_LEASE_EXPIRED, True)]
)
def test_a_report_overrides_the_expired_lease_of_the_node_but_not_of_the_pod(
    reason: str,
    is_ready: bool,  # noqa: FBT001
) -> None:
    expiry = Expiry(reason=reason, heard_at=NOON, since=NOON)
    pod = marked_expired(a_pod(), expiry, now=NOON)
    out = reported(pod, a_report(is_ready=True), now=LATER)

    assert out.is_ready == is_ready
    assert (out is pod) != is_ready
    if is_ready:
        assert [entry.type for entry in out.conditions] == [READY]


SHARED = (
    a_container(name="pg", readiness_probe=Probe(exec=ExecAction(command=("pg_isready",)))),
    a_container(name="proxy", readiness_probe=Probe(tcp_socket=TCPSocketAction(port=6432))),
)
"""Two probes: one that Waypost does not run, and one that it does."""


def shared(status: str, reason: str = "") -> Pod:
    return a_pod(containers=SHARED, conditions=(a_condition(READY, status, reason=reason),))


@pytest.mark.parametrize(
    ("status", "reason", "is_ready", "becomes"),
    [
        ("False", "NotReportedYet", True, "False"),
        ("False", "Migrating", True, "False"),
        ("False", "Migrating", False, "False"),
        ("Unknown", "", True, "Unknown"),
        ("True", "Reported", True, "True"),
        ("True", "Reported", False, "False"),
        ("False", PROBE_FAILED, True, "True"),
        ("False", PROBE_FAILED, False, "False"),
    ],
)
def test_a_probe_beside_one_that_is_not_run_can_only_veto_and_take_that_back(
    status: str,
    reason: str,
    is_ready: bool,  # noqa: FBT001
    becomes: str,
) -> None:
    pod = shared(status, reason)
    out = reported(
        pod, a_report(is_ready=is_ready, message="" if is_ready else "refused"), now=LATER
    )
    assert out.ready_condition is not None
    assert out.ready_condition.status == becomes
    if reason not in (PROBE_FAILED, "Reported") or status == becomes == "True":
        assert out is pod


reports = st.sampled_from([None, "True", "False"])
"""The next report: of the probe that Waypost runs (None), or of the registrar."""


@given(st.lists(st.tuples(reports, st.booleans()), max_size=8))
def test_a_pod_with_both_kinds_of_probes_is_ready_when_report_and_probe_say_so(
    steps: list[tuple[str | None, bool]],
) -> None:
    pod, said, passes = shared("False", "NotReportedYet"), False, False
    for status, is_passing in steps:
        if status is not None:
            said = status == "True"
            pod = shared(status, "Reported")
        passes = is_passing
        pod = reported(pod, a_report(is_ready=passes, message="" if passes else "x"), now=LATER)
        assert pod.is_ready == (said and passes)
