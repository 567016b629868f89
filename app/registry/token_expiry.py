"""Periodic removal of tokens that ended long ago; the elected leader does it.

Two leaders for a moment do no harm: a decision that finds nothing to remove changes nothing.
"""

import asyncio
import logging

from app.domain.errors import DomainError
from app.domain.registration.access.tokens import remove_ended
from app.registry.ports import TokenUseStore, Writer

PERIOD_S = 600.0  # seconds between two checks

_log = logging.getLogger(__name__)


async def run(writer: Writer, uses: TokenUseStore, *, period_s: float = PERIOD_S) -> None:
    """Check at intervals, until cancelled."""
    while True:
        try:
            await remove(writer, uses)
        except DomainError as refusal:
            _log.warning("ended tokens could not be removed; retrying: %s", refusal)
        await asyncio.sleep(period_s)


async def remove(writer: Writer, uses: TokenUseStore) -> None:
    """Remove tokens that ended long ago, and their last uses; raises NotSynced."""
    if writer.would_change(remove_ended):
        await writer.write(remove_ended)
        await uses.forget_orphans()
