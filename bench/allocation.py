"""What one allocation costs in an empty, a half-full and a nearly full range.

    range filled to a share -> choose_address | claim_address | release -> microseconds

The law to be shown: the cost is the same at 1 % and at 99 %, for an IPv4 /12 and an
IPv6 /108, because no allocation looks at more than the path of one number through
the tree of held ones.

    python bench/allocation.py [--rounds 5] [--allocations 200]
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.domain.addresses import Address, Prefix, family_of
from app.domain.occupied import Occupied
from app.domain.registration.service.allocator import (
    AddressRange,
    Pools,
    address_bands,
    choose_address,
    claim_address,
    release_addresses,
)

RANGES = ("10.0.0.0/12", "fd00:10:96::/108")
SHARES = (0.01, 0.5, 0.99, 0.9999)
RATIO_GOAL = 2.0  # cost at 99 % over cost at 1 %; it grows a little with the width of branches
WIDTH_BITS = {4: 32, 6: 128}


def filled(prefix: Prefix, share: float) -> Pools:
    """Hold a share of the usable addresses, spread evenly over the range."""
    bands, family = address_bands(prefix), family_of(prefix)
    count = int(bands.usable * share)
    numbers = (bands.static_first + place * bands.usable // count for place in range(count))
    held = Occupied.of(numbers, width_bits=WIDTH_BITS[prefix.version])
    empty = Pools(ranges=(AddressRange(prefix),))
    return Pools(ranges=empty.ranges, held_addresses={**empty.held_addresses, family: held})


def best_us(rounds: int, step: Callable[[], int]) -> float:
    """Time a step that does several operations; the quickest round, in microseconds each."""
    return min(_timed(step) for _ in range(rounds))


def _timed(step: Callable[[], int]) -> float:
    started = time.perf_counter()
    operations = step()
    return (time.perf_counter() - started) / operations * 1_000_000


def costs(prefix: Prefix, share: float, rounds: int, allocations: int) -> Iterator[float]:
    """Measure choosing, then claiming and releasing what had been chosen."""
    full = filled(prefix, share)
    pools, chosen = full, list[Address]()
    for _ in range(min(allocations, address_bands(prefix).usable // 20_000 + 1)):
        address, pools = choose_address(pools, family_of(prefix))
        chosen.append(address)

    def choose() -> int:
        pools = full
        for _ in chosen:
            _, pools = choose_address(pools, family_of(prefix))
        return len(chosen)

    def claim() -> int:
        for address in chosen:
            claim_address(full, address)
        return len(chosen)

    def release() -> int:
        release_addresses(pools, chosen)
        return len(chosen)

    for step in (choose, claim, release):
        yield best_us(rounds, step)


def main() -> None:
    """Print a table, and fail when the cost depends on how full a range is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--allocations", type=int, default=200)
    options = parser.parse_args()
    print(f"{'range':>18} {'held':>8} {'choose':>9} {'claim':>9} {'release':>9}  (µs each)")
    is_level = True
    for text in RANGES:
        table: dict[float, list[float]] = {}
        for share in SHARES:
            row = list(costs(ip_network(text), share, options.rounds, options.allocations))
            table[share] = row
            print(f"{text:>18} {share:>8.2%} " + " ".join(f"{cost:>9.1f}" for cost in row))
        is_level &= all(
            high <= RATIO_GOAL * low for low, high in zip(table[0.01], table[0.99], strict=True)
        )
    print("level" if is_level else f"NOT level: over {RATIO_GOAL} times dearer when full")
    sys.exit(not is_level)


if __name__ == "__main__":
    main()
