"""Endpoints of an apply: stored as slices, and removed when the Service has a selector."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.domain.errors import Invalid
from app.domain.labels import Requirement, Selector
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.endpoints import Endpoints
from app.domain.objects.resource import Object
from app.domain.objects.service import SERVICE, Service
from app.domain.registration.slices.mirroring import SKIP_LABEL
from app.domain.resources import resource_of
from app.domain.work import Work
from app.registry.writes import mirroring
from app.registry.writes.apply import Item, Operation, Outcome, apply
from app.registry.writes.mirroring import Mirror
from tests.builders import (
    a_headless_service,
    a_namespace,
    a_pod,
    a_service,
    a_subset,
    an_endpoint,
    an_endpoint_slice,
    an_endpoints,
    key,
)
from tests.registry.worlds import World

DB = key("legacy-db")


def a_plain_service() -> Service:
    """A Service without a selector, as a draft."""
    service = a_headless_service("legacy-db", selector=None)
    return replace(service, metadata=replace(service.metadata, uid=""))


def an_item(position: int, draft: Object) -> Item:
    return Item(
        position=position,
        kind=resource_of(draft),
        key=draft.metadata.key,
        amend=lambda _: draft,
        place=str,
    )


class Applier(World):
    """A registry to which bodies are applied; ``warnings`` are those of the last one."""

    warnings: Sequence[str] = ()

    def apply(self, *documents: Object | Endpoints, prune: Selector | None = None) -> list[Outcome]:
        items = [
            an_item(position, each)
            for position, each in enumerate(documents)
            if not isinstance(each, Endpoints)
        ]
        mirrors = [
            Mirror(position=position, key=each.metadata.key, read=lambda each=each: each)
            for position, each in enumerate(documents)
            if isinstance(each, Endpoints)
        ]

        def decide(work: Work) -> list[Outcome]:
            outcomes = apply(work, items, mirrors=mirrors, prune=prune)
            self.warnings = tuple(work.warnings)
            return [*outcomes]

        return self.writer.write_now(decide)

    def operations(self, *documents: Object | Endpoints) -> list[str]:
        return [outcome.operation.value for outcome in self.apply(*documents)]

    @property
    def mirrored(self) -> tuple[EndpointSlice, ...]:
        return mirroring.slices_mirrored_for(self.snapshot, DB)

    @property
    def addresses(self) -> list[str]:
        endpoints = (each for slice_ in self.mirrored for each in slice_.endpoints)
        return sorted(endpoint.addresses[0] for endpoint in endpoints)


@pytest.mark.parametrize("is_first", [True, False])
def test_the_service_may_come_before_or_after_its_endpoints(
    is_first: bool,  # noqa: FBT001
) -> None:
    world = Applier()
    documents = [an_endpoints(), a_plain_service()]
    assert world.operations(*(documents if is_first else documents[::-1])) == ["created"] * 2
    assert world.addresses == ["192.0.2.77"]
    assert not world.warnings
    [slice_] = world.mirrored
    assert slice_.metadata.uid
    assert slice_.metadata.generation == 1


def test_applying_again_changes_nothing_and_a_change_is_written() -> None:
    world = Applier(a_plain_service())
    assert world.operations(an_endpoints()) == ["created"]
    before = world.snapshot
    assert world.operations(an_endpoints()) == ["unchanged"]
    assert world.snapshot is before
    name = world.mirrored[0].metadata.name

    assert world.operations(an_endpoints(a_subset("192.0.2.78", "2001:db8::1"))) == ["configured"]
    assert world.addresses == ["192.0.2.78", "2001:db8::1"]
    assert name in {slice_.metadata.name for slice_ in world.mirrored}
    assert world.operations(replace(an_endpoints(), subsets=())) == ["configured"]
    assert world.mirrored == ()
    assert world.operations(replace(an_endpoints(), subsets=())) == ["unchanged"]


def test_a_service_that_is_created_later_has_its_endpoints() -> None:
    world = Applier()
    assert world.operations(an_endpoints()) == ["created"]
    assert "there is no Service default/legacy-db yet" in world.warnings[0]
    before = world.mirrored
    world.create(a_plain_service())
    assert world.mirrored == before


def test_endpoints_of_a_service_with_a_selector_are_ignored() -> None:
    world = Applier()
    selecting = a_service("legacy-db", cluster_ip="", cluster_ips=())
    [made, ignored] = world.apply(selecting, an_endpoints())
    assert (made.operation, ignored.operation) == (Operation.CREATED, Operation.IGNORED)
    assert "has a selector" in ignored.message
    assert world.mirrored == ()
    assert not world.warnings


def test_a_selector_that_is_added_later_replaces_mirrored_slices() -> None:
    world = Applier(a_plain_service(), a_pod("p", pod_ips=("10.244.0.1",)))
    world.apply(an_endpoints())
    world.put(replace(world.service("legacy-db"), selector={"app": "web"}))
    assert world.mirrored == ()
    [slice_] = world.snapshot.slices_of(DB)
    assert slice_.is_managed

    early = Applier()
    early.apply(an_endpoints())
    early.create(a_headless_service("legacy-db"))
    assert early.mirrored == ()


def test_a_slice_written_with_the_mirroring_label_follows_the_same_rule() -> None:
    world = Applier(a_plain_service())
    world.apply(an_endpoints())
    [slice_] = world.mirrored
    others = replace(slice_, metadata=replace(slice_.metadata, name="by-hand", uid=""))
    world.create(others)
    assert len(world.mirrored) == 2
    assert world.operations(an_endpoints()) == ["configured"]
    assert len(world.mirrored) == 1

    selecting = Applier(a_headless_service("legacy-db"))
    selecting.create(others)
    assert selecting.mirrored == ()


def test_mirrored_slices_are_deleted_with_their_service() -> None:
    by_hand = an_endpoint_slice(an_endpoint(), service="legacy-db", managed=False)
    world = Applier(a_plain_service(), by_hand)
    world.apply(an_endpoints())
    world.delete(a_plain_service())
    assert [slice_.metadata.name for slice_ in world.snapshot.slices_of(DB)] == ["web-abcde"]


def test_the_skip_label_removes_mirrored_slices() -> None:
    world = Applier(a_plain_service())
    world.apply(an_endpoints())
    [outcome] = world.apply(an_endpoints(labels={SKIP_LABEL: "true"}))
    assert outcome.operation == Operation.IGNORED
    assert world.mirrored == ()


def test_violations_have_the_path_of_the_document_and_nothing_is_written() -> None:
    world = Applier()
    with pytest.raises(Invalid) as refused:
        world.apply(a_plain_service(), an_endpoints(a_subset("192.0.2.1", "db")))
    [cause] = refused.value.causes
    assert cause.field == "documents[1].subsets[0].addresses[1].ip"
    assert DB not in world.snapshot.services


def test_addresses_beyond_the_bound_give_a_warning() -> None:
    world = Applier(a_plain_service())
    many = a_subset(*(f"192.0.{n // 250}.{n % 250 + 1}" for n in range(1002)))
    world.apply(an_endpoints(many))
    assert len(world.addresses) == 1000
    assert world.warnings == (
        "subsets: 2 addresses are left out: at most 1000 are mirrored of those on the same ports",
    )


def test_its_namespace_is_created_and_a_terminating_one_refuses_it() -> None:
    world = Applier()
    world.apply(an_endpoints(namespace="shop"))
    assert NamespacedName("", "shop") in world.snapshot.namespaces

    held = replace(a_pod("held", "shop"), metadata=replace(
        a_pod("held", "shop").metadata, uid="", finalizers=("example.com/hold",)
    ))  # fmt: skip
    world.create(held)
    world.delete(a_namespace("shop"))
    with pytest.raises(Invalid, match="being terminated"):
        world.apply(an_endpoints(namespace="shop", name="other"))


def test_pruning_deletes_slices_of_endpoints_that_left_the_body() -> None:
    world = Applier()
    labels = {"part": "db"}
    chosen = Selector((Requirement(key="part", operator="In", values=("db",)),))
    world.apply(a_plain_service(), an_endpoints(labels=labels), prune=chosen)
    assert world.addresses == ["192.0.2.77"]
    kept = world.apply(an_endpoints(labels=labels), prune=chosen)
    assert [outcome.operation for outcome in kept] == [Operation.UNCHANGED]

    pruned = world.apply(a_plain_service(), prune=chosen)
    assert [(outcome.kind.name, outcome.operation.value) for outcome in pruned] == [
        (SERVICE.name, "unchanged"),
        ("EndpointSlice", "deleted"),
    ]
    assert world.mirrored == ()
