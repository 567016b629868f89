"""Register in the registry of this very process; fulfils ``presence.Registrar``."""

from app.domain.names import NamespacedName
from app.domain.objects.pod import POD, Pod
from app.registry.leases.heartbeats import Leases
from app.registry.ports import Writer
from app.registry.writes import lifecycle


class OwnRegistrar:
    """Writes with the process' own writer, and renews among its own leases."""

    def __init__(self, writer: Writer, leases: Leases) -> None:
        self._writer = writer
        self._leases = leases

    async def register(self, pod: Pod) -> None:
        """Make the Pod known, or known again; raises DomainError."""
        await self._writer.write(lambda work: lifecycle.put(work, pod))

    async def renew(self, key: NamespacedName) -> bool:
        """Send a heartbeat; says whether the Pod is known."""
        return not (await self._leases.renew([key])).unknown

    async def remove(self, key: NamespacedName) -> None:
        """Take the Pod off at once; raises DomainError."""
        await self._writer.write(lambda work: lifecycle.delete(work, POD, key, grace_s=0))
