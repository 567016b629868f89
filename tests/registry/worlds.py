"""A registry in memory, with the objects that every registry has."""

from app.domain.names import NamespacedName
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import Service
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot
from app.domain.work import Policy, Work
from app.registry.reads.view import View
from app.registry.writes import lifecycle
from app.registry.writes.bootstrap import bootstrap
from tests.builders import key
from tests.memory_writer import MemoryWriter


class World:
    """Objects are given and read as values; ``writer.now`` is its clock."""

    def __init__(self, *objects: Object, policy: Policy | None = None) -> None:
        self.view = View()
        self.writer = MemoryWriter(self.view, policy or Policy())
        self.writer.write_now(lambda work: bootstrap(work, with_dns=False))
        self.create(*objects)

    @property
    def snapshot(self) -> Snapshot:
        return self.view.snapshot

    def create(self, *objects: Object) -> None:
        def decide(work: Work) -> None:
            for draft in objects:
                lifecycle.create(work, draft)

        self.writer.write_now(decide)

    def put(self, draft: Object) -> None:
        self.writer.write_now(lambda work: lifecycle.put(work, draft))

    def put_status(self, draft: Object) -> None:
        self.writer.write_now(lambda work: lifecycle.put_status(work, draft))

    def delete(self, gone: Object, grace_s: int | None = None) -> None:
        self.writer.write_now(
            lambda work: lifecycle.delete(
                work, resource_of(gone), gone.metadata.key, grace_s=grace_s
            )
        )

    def pod(self, name: str) -> Pod:
        return self.snapshot.pods[key(name)]

    def service(self, name: str = "web") -> Service:
        return self.snapshot.services[key(name)]

    def node(self, name: str = "n1") -> Node:
        return self.snapshot.nodes[NamespacedName("", name)]

    def ready(self, service: str = "web") -> list[str]:
        """Name the Pods that are ready endpoints, sorted."""
        return sorted(
            endpoint.target_ref.name
            for slice_ in self.snapshot.slices_of(key(service))
            for endpoint in slice_.endpoints
            if endpoint.conditions.is_ready and endpoint.target_ref is not None
        )
