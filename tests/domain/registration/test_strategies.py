"""Strategies: what a kind does in its own way, where no whole write is needed to see it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.access.subjects import User
from app.domain.errors import DomainError
from app.domain.names import Revision, Uid
from app.domain.objects.namespace import NAMESPACE, Namespace
from app.domain.objects.pod import POD
from app.domain.objects.resource import Object
from app.domain.objects.service import SERVICE
from app.domain.registration.strategies import strategy_for
from app.domain.snapshot import load
from app.domain.work import Policy, Work
from tests.builders import a_namespace, a_pod, a_service

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def work_on(*objects: Object) -> Work:
    return Work(
        snapshot=load(objects, revision=Revision(1)),
        revision=Revision(2),
        now=NOW,
        new_uid=lambda: Uid("1"),
        policy=Policy(),
        cursors={},
    )


def test_a_report_without_addresses_keeps_those_of_the_pod() -> None:
    current = a_pod(pod_ips=("10.244.0.1",), host_ip="192.0.2.1")
    reported = strategy_for(POD).complete_report(current, replace(current, pod_ips=(), host_ip=""))
    assert (reported.pod_ips, reported.host_ip) == (("10.244.0.1",), "192.0.2.1")
    moved = replace(current, pod_ips=("10.244.0.2",))
    assert strategy_for(POD).complete_report(current, moved) is moved


def test_the_first_of_several_cluster_addresses_is_the_singular_one() -> None:
    draft = a_service(cluster_ip="", cluster_ips=("10.96.0.20",))
    assert strategy_for(SERVICE).complete(draft).cluster_ip == "10.96.0.20"


def test_a_change_of_a_service_is_validated_against_what_it_was() -> None:
    strategy, current = strategy_for(SERVICE), strategy_for(SERVICE).complete(a_service())
    assert not strategy.validate_update(current, current)
    renamed = replace(current, metadata=replace(current.metadata, name="other"))
    assert [each.field for each in strategy.validate_update(current, renamed)] == ["metadata.name"]


def test_a_namespace_is_deleted_again_while_something_in_it_waits_for_its_finalizer() -> None:
    meta = replace(a_pod(namespace="x").metadata, finalizers=("example.dev/own",), deleted_at=NOW)
    work = work_on(a_namespace("x"), replace(a_pod(namespace="x"), metadata=meta))
    delete = strategy_for(NAMESPACE).delete
    assert delete is not None
    (current,) = work.snapshot.namespaces.values()
    terminating, is_gone = delete(work, current, Work.remove)
    assert (isinstance(terminating, Namespace), is_gone) == (True, False)
    assert [change.kind for change in work.changes()] == ["Namespace"]


def test_removing_what_is_not_there_changes_nothing() -> None:
    work = work_on()
    work.remove(a_pod())
    assert work.changes() == ()


def test_a_namespace_that_every_registry_has_stays() -> None:
    work = work_on(a_namespace("default"))
    delete = strategy_for(NAMESPACE).delete
    assert delete is not None
    with pytest.raises(DomainError, match="may not be deleted"):
        delete(work, a_namespace("default"), Work.remove)


def test_what_is_in_a_service_decides_nothing_about_who_may_write_it() -> None:
    nobody = User(name="nobody")
    strategy_for(SERVICE).authorize_write(load((), revision=Revision(1)), nobody, None, a_service())
