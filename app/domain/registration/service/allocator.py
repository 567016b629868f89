"""Choose or claim cluster addresses and node ports.

    Pools, family    -> choose_address -> a free address, and the Pools that hold it
    Pools, address   -> claim_address  -> the Pools that hold it, or why it is refused
    Pools, number    -> the same for node ports

Deterministic: a choice starts behind the last one (the cursor), so that what was
released is not allocated again immediately.  Every operation asks ``Occupied`` for a
gap and costs the same in a full range as in an empty one.  Which Service holds a
number is not known here.

Source: spec kubernetes-api 2.1, 2.2, 2.7 (KEP-3070, KEP-3668).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from app.domain.addresses import Address, IPFamily, Prefix, family_of
from app.domain.copies import replace
from app.domain.errors import Exhausted
from app.domain.occupied import Occupied
from app.domain.snapshot import Snapshot

NODE_PORTS_DEFAULT = range(30_000, 32_768)
NODE_PORTS_CURSOR = "nodePorts"  # the key of the node ports' cursor; a range's key is its text

_EMPTY = Snapshot()
_RANGES_MAX = 256  # whose bands are cached: every allocation needs them
_BAND_MIN, _ADDRESS_BAND_MAX, _ADDRESS_BAND_DIVISOR = 16, 256, 16  # addresses, addresses, ratio
_PORT_BAND_MAX, _PORT_BAND_DIVISOR = 128, 32  # ports, ratio


@dataclass(frozen=True, slots=True)
class AddressRange:
    """A prefix to allocate cluster addresses from; nothing is allocated unless it is ready."""

    prefix: Prefix
    is_ready: bool = True

    @property
    def family(self) -> IPFamily:
        """The family of its addresses."""
        return family_of(self.prefix)


@dataclass(frozen=True, slots=True)
class Bands:
    """The usable numbers of a range, bounds included: the static band, then the dynamic one.

    An empty band has its last number below its first.
    """

    static_first: int
    dynamic_first: int
    last: int

    @property
    def usable(self) -> int:
        """How many numbers may be held."""
        return max(0, self.last - self.static_first + 1)

    @property
    def dynamic(self) -> tuple[int, int]:
        """First and last number of the band that choices are made from first."""
        return (self.dynamic_first, self.last)

    @property
    def static(self) -> tuple[int, int]:
        """First and last number of the band left to requests that name their number."""
        return (self.static_first, min(self.dynamic_first - 1, self.last))

    def __contains__(self, number: int) -> bool:
        return self.static_first <= number <= self.last


@dataclass(frozen=True, slots=True)
class Refused:
    """A named address or port cannot be allocated, and why."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """The ranges to allocate from, and the held addresses and ports.

    ``ranges`` are in order of preference; the family of the first is the default.
    ``cursors`` give for each range the number at which the next choice starts.
    """

    ranges: tuple[AddressRange, ...] = ()
    held_addresses: Mapping[IPFamily, Occupied] = field(
        default_factory=lambda: _EMPTY.held_addresses
    )
    node_ports: range = NODE_PORTS_DEFAULT
    held_ports: Occupied = field(default_factory=lambda: _EMPTY.held_ports)
    cursors: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def families(self) -> tuple[IPFamily, ...]:
        """The configured families, the default first."""
        return tuple(dict.fromkeys(served.family for served in self.ranges))

    @property
    def default_family(self) -> IPFamily:
        """The family of a Service that does not ask for one."""
        return self.ranges[0].family if self.ranges else IPFamily.IPV4

    def holds(self, address: Address) -> bool:
        """Whether the address is allocated."""
        return int(address) in self.held_addresses[family_of(address)]


@lru_cache(maxsize=_RANGES_MAX)
def address_bands(prefix: Prefix) -> Bands:
    """Divide a prefix; network and IPv4 broadcast addresses belong to no band."""
    first = int(prefix.network_address) + 1
    # The last IPv6 address is usable; the first is the anycast address of subnet routers.
    last = int(prefix.broadcast_address) - (1 if prefix.version == 4 else 0)  # noqa: PLR2004
    size = prefix.num_addresses
    return Bands(first, first + _band(size, _ADDRESS_BAND_DIVISOR, _ADDRESS_BAND_MAX), last)


def port_bands(node_ports: range) -> Bands:
    """Divide the range of node ports."""
    first = node_ports.start
    band = _band(len(node_ports), _PORT_BAND_DIVISOR, _PORT_BAND_MAX)
    return Bands(first, first + band, node_ports.stop - 1)


def has_ready_range(pools: Pools, family: IPFamily) -> bool:
    """Whether any range of the family is ready."""
    return any(True for _ in _ready(pools, family))


def choose_address(pools: Pools, family: IPFamily) -> tuple[Address, Pools]:
    """Pick a free address of a family, and hold it.

    The dynamic bands of all ranges come before any static one.  Raises Exhausted
    when every usable address is held.
    """
    ready = tuple((served.prefix, address_bands(served.prefix)) for served in _ready(pools, family))
    held = pools.held_addresses[family]
    for use_static in (False, True):
        for prefix, bands in ready:
            band = bands.static if use_static else bands.dynamic
            found = _next(held, band, pools.cursors.get(str(prefix)))
            if found is not None:
                address = prefix[found - int(prefix.network_address)]
                return address, _moved(_with_address(pools, address), str(prefix), found)
    raise Exhausted(f"no free {family} address: every service range is full")


def claim_address(pools: Pools, address: Address) -> Pools | Refused:
    """Hold an address that the caller names, or say why it is refused."""
    ready = tuple(_ready(pools, family_of(address)))
    if not any(int(address) in address_bands(served.prefix) for served in ready):
        listed = ", ".join(str(served.prefix) for served in ready) or "none"
        return Refused(f"the address is not usable in any ready range ({listed})")
    if pools.holds(address):
        return Refused("the address is already allocated")
    return _with_address(pools, address)


def release_addresses(pools: Pools, addresses: Iterable[Address]) -> Pools:
    """Release addresses; the next choice is another address if any is free."""
    for address in addresses:
        family, number = family_of(address), int(address)
        held = {**pools.held_addresses, family: pools.held_addresses[family].release(number)}
        pools = replace(pools, held_addresses=held)
        for served in _ready(pools, family):
            bands = address_bands(served.prefix)
            if number in bands:
                pools = _skipped(pools, held[family], bands, str(served.prefix), number)
    return pools


def choose_port(pools: Pools) -> tuple[int, Pools]:
    """Pick a free node port, and hold it.

    Raises Exhausted when every one is held.
    """
    bands = port_bands(pools.node_ports)
    for band in (bands.dynamic, bands.static):
        found = _next(pools.held_ports, band, pools.cursors.get(NODE_PORTS_CURSOR))
        if found is not None:
            held = replace(pools, held_ports=pools.held_ports.hold(found))
            return found, _moved(held, NODE_PORTS_CURSOR, found)
    raise Exhausted(f"no free node port: {bands.static_first}-{bands.last} is full")


def claim_port(pools: Pools, number: int) -> Pools | Refused:
    """Hold a node port that the caller names, or say why it is refused."""
    bands = port_bands(pools.node_ports)
    if number not in bands:
        return Refused(f"provided port is not in the valid range {bands.static_first}-{bands.last}")
    if number in pools.held_ports:
        return Refused("provided port is already allocated")
    return replace(pools, held_ports=pools.held_ports.hold(number))


def release_ports(pools: Pools, numbers: Iterable[int]) -> Pools:
    """Release node ports; the next choice is another port if any is free."""
    bands = port_bands(pools.node_ports)
    for number in numbers:
        held = pools.held_ports.release(number)
        pools = replace(pools, held_ports=held)
        if number in bands:
            pools = _skipped(pools, held, bands, NODE_PORTS_CURSOR, number)
    return pools


def _band(size: int, divisor: int, band_max: int) -> int:
    return 0 if size <= _BAND_MIN else min(max(_BAND_MIN, size // divisor), band_max)


def _ready(pools: Pools, family: IPFamily) -> Iterator[AddressRange]:
    return (served for served in pools.ranges if served.is_ready and served.family == family)


def _next(held: Occupied, band: tuple[int, int], cursor: int | None) -> int | None:
    first, last = band
    start = cursor if cursor is not None and first <= cursor <= last else first
    found = held.next_free(start, last)
    return found if found is not None else held.next_free(first, start - 1)


def _with_address(pools: Pools, address: Address) -> Pools:
    family = family_of(address)
    held = pools.held_addresses[family].hold(int(address))
    return replace(pools, held_addresses={**pools.held_addresses, family: held})


def _moved(pools: Pools, cursor: str, chosen: int) -> Pools:
    return replace(pools, cursors={**pools.cursors, cursor: chosen + 1})


def _skipped(pools: Pools, held: Occupied, bands: Bands, cursor: str, freed: int) -> Pools:
    """Move the cursor past a released number that would otherwise be chosen next."""
    place = pools.cursors.get(cursor)
    found = _next(held, bands.dynamic, place)
    if found is None:
        found = _next(held, bands.static, place)
    return _moved(pools, cursor, freed) if found == freed else pools
