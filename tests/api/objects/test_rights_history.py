"""Revisions at which rights may have changed, and the states there."""

from dataclasses import replace

import pytest

from app.api.objects.rights_history import RightsHistory
from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.objects.role import CLUSTER_ROLE
from app.domain.snapshot import load
from app.registry.reads.view import View
from tests.builders import a_cluster_role, a_pod


def a_view() -> View:
    view = View()
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    return view


def put(view: View, added: Object) -> None:
    revision = Revision(view.snapshot.revision + 1)
    stored = replace(added, metadata=replace(added.metadata, revision=revision))
    view.advance([Change(revision=revision, before=None, after=stored)])


def test_only_changes_of_rights_are_found_and_their_states_have_them() -> None:
    view = a_view()
    put(view, a_cluster_role(name="before"))
    rights = RightsHistory(view)
    put(view, a_pod("p"))
    put(view, a_cluster_role(name="after"))
    assert [rights.next_after(Revision(since)) for since in range(1, 5)] == [2, 4, 4, None]
    assert len(rights.state_at(Revision(3)).of(CLUSTER_ROLE)) == 1
    assert len(rights.state_at(Revision(4)).of(CLUSTER_ROLE)) == 2


def test_who_is_behind_by_too_many_must_list_again() -> None:
    view = a_view()
    rights = RightsHistory(view, revisions_max=2)
    for name in "abcd":
        put(view, a_cluster_role(name=name))
    assert rights.next_after(Revision(3)) == 4
    with pytest.raises(Expired, match="too often"):
        rights.next_after(Revision(2))


def test_changes_that_the_database_has_lost_are_forgotten_with_what_they_pushed_out() -> None:
    view = a_view()
    rights = RightsHistory(view, revisions_max=2)
    for name in "abcd":
        put(view, a_cluster_role(name=name))
    view.reset(
        load([], revision=Revision(2)), history=(), compacted=Revision(1), has_same_past=False
    )
    assert rights.next_after(Revision(2)) is None
    put(view, a_cluster_role(name="other"))
    assert rights.next_after(Revision(2)) == 3
    assert len(rights.state_at(Revision(3)).of(CLUSTER_ROLE)) == 1
