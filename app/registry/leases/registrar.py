"""Registration in the registry of this process; implements ``self_registration.Registrar``."""

from app.domain.names import NamespacedName
from app.domain.objects.pod import POD, Pod
from app.registry.leases.heartbeats import Leases
from app.registry.ports import Writer
from app.registry.writes import lifecycle


class OwnRegistrar:
    """Registers through the writer and the leases of this process."""

    def __init__(self, writer: Writer, leases: Leases) -> None:
        self._writer = writer
        self._leases = leases

    async def register(self, pod: Pod) -> None:
        """Create or replace the Pod; raises DomainError."""
        await self._writer.write(lambda work: lifecycle.put(work, pod))

    async def renew(self, key: NamespacedName) -> bool:
        """Renew the lease; says whether the Pod is registered."""
        return not (await self._leases.renew([key])).unknown

    async def remove(self, key: NamespacedName) -> None:
        """Delete the Pod immediately; raises DomainError."""
        await self._writer.write(lambda work: lifecycle.delete(work, POD, key, grace_s=0))
