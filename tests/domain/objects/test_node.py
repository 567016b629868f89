"""Properties of a Node."""

from app.domain.objects.node import TO_BE_DELETED_TAINT, Taint
from tests.builders import NOON, a_meta, a_node


def test_a_node_is_eligible_for_load_balancers_unless_it_is_being_removed() -> None:
    assert a_node().is_eligible
    assert a_node(taints=(Taint(key="other", effect="NoSchedule"),)).is_eligible
    assert not a_node(taints=(Taint(key=TO_BE_DELETED_TAINT, effect="NoSchedule"),)).is_eligible
    assert not a_node(metadata=a_meta("n1", "", deleted_at=NOON)).is_eligible
