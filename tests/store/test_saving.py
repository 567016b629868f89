"""Who lets go of what, and who has it in the end, whatever order a batch tells it in."""

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.objects.service import Service
from app.store.mapping import addresses_held
from app.store.saving import moves
from tests.builders import a_service, key


def holding(name: str, *addresses: str) -> Service:
    return a_service(name, cluster_ip=addresses[0], cluster_ips=addresses)


def step(before: Service | None, after: Service | None, revision: int = 1) -> Change:
    return Change(revision=Revision(revision), before=before, after=after)


def test_an_address_moves_within_one_write_in_either_order() -> None:
    leaves = step(holding("a", "10.96.0.20"), None)
    takes = step(None, holding("b", "10.96.0.20"))
    for changes in ((leaves, takes), (takes, leaves)):
        released, taken = moves(changes, addresses_held)
        assert released == [("10.96.0.20", key("a"))]
        assert taken == {"10.96.0.20": key("b")}


def test_an_address_that_is_taken_and_let_go_again_is_nobodys() -> None:
    made = holding("a", "10.96.0.20")
    released, taken = moves((step(None, made), step(made, None, 2)), addresses_held)
    assert released == [("10.96.0.20", key("a"))]
    assert taken == {}


def test_what_stays_is_neither_released_nor_taken() -> None:
    before, after = holding("a", "10.96.0.20"), holding("a", "10.96.0.20", "fd00:10:96::20")
    released, taken = moves((step(before, after),), addresses_held)
    assert released == []
    assert taken == {"fd00:10:96::20": key("a")}
