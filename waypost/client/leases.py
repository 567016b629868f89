"""How long a registration lasts without heartbeats, and how many there are meanwhile."""

from typing import Final

LEASE_S: Final = 15  # of a Pod that states none
RENEWALS_PER_LEASE: Final = 3
