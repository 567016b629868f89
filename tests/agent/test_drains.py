"""Deadlines of draining servers."""

from app.agent.drains import Drains
from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.operations import RealServerKey
from app.domain.dataplane.ipvs.virtual_server import server_key

KEY = server_key(IPFamily.IPV4, "TCP", "10.96.0.10", 80)
ONE, TWO = RealServerKey(KEY, "10.244.0.1", 8080), RealServerKey(KEY, "10.244.0.2", 8080)


def test_each_server_has_its_own_deadline() -> None:
    drains = Drains(60)
    drains.await_only({ONE}, now_s=0)
    drains.await_only({ONE, TWO}, now_s=30)
    assert drains.overdue(59) == frozenset()
    assert drains.overdue(60) == {ONE}
    assert drains.overdue(90) == {ONE, TWO}


def test_a_server_that_was_desired_in_between_gets_a_new_deadline() -> None:
    drains = Drains(60)
    drains.await_only({ONE}, now_s=0)
    drains.await_only((), now_s=30)
    assert len(drains) == 0
    drains.await_only({ONE}, now_s=50)
    assert drains.overdue(60) == frozenset()


def test_without_patience_a_server_is_overdue_immediately() -> None:
    drains = Drains(0)
    drains.await_only({ONE}, now_s=5)
    assert drains.overdue(5) == {ONE}
