"""Where datagram flows may end, as nftables tables have it.

    Tables before, Tables after -> Expected of each family, for the fronts that changed

The same question as ``flows`` answers from rules; an agent in nftables mode has
tables only.  An endpoint whose weight has become 0 cannot be told from one that is
gone: its datagrams go elsewhere too.
"""

from collections.abc import Mapping
from typing import Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.flows import ANY_NODE_ADDRESS, CONNECTIONLESS, Expected, Place
from app.domain.dataplane.nftables_elements import ANY_ADDRESS
from app.domain.dataplane.nftables_state import Sets, Table, Tables

_ENDPOINT_SETS: Final = ("endpoints", "kept-endpoints")
_Endpoints = frozenset[tuple[str, int]]
_NONE: Final[_Endpoints] = frozenset()


def changed_destinations(before: Tables, after: Tables) -> Mapping[IPFamily, Expected]:
    """Gather where flows may end now, for every place whose endpoints are others than before."""
    found: dict[IPFamily, Expected] = {}
    for family in before.keys() | after.keys():
        changed: dict[Place, _Endpoints] = {}
        for protocol in CONNECTIONLESS:
            old, new = before.get(family), after.get(family)
            if _sets(old, protocol) is _sets(new, protocol):
                continue
            was, becomes = _places(old, protocol, family), _places(new, protocol, family)
            changed |= {
                place: becomes.get(place, _NONE)
                for place in was.keys() | becomes.keys()
                if was.get(place) != becomes.get(place)
            }
        if changed:
            found[family] = changed
    return found


def _sets(table: Table | None, protocol: str) -> object:
    """Give something that is the same object for as long as no endpoint changes."""
    if table is None:
        return None
    held = [table.sets.get(f"{name}-{protocol.lower()}") for name in _ENDPOINT_SETS]
    return held[0] if not held[1] else table


def _places(table: Table | None, protocol: str, family: IPFamily) -> dict[Place, _Endpoints]:
    places: dict[Place, set[tuple[str, int]]] = {}
    sets: Sets = {} if table is None else table.sets
    for name in _ENDPOINT_SETS:
        for key, value in sets.get(f"{name}-{protocol.lower()}", {}).items():
            address, port, _ = key.split(" . ")
            endpoint, endpoint_port = value.split(" . ")
            front = ANY_NODE_ADDRESS if address == ANY_ADDRESS[family] else address
            place = (protocol, front, int(port))
            places.setdefault(place, set()).add((endpoint, int(endpoint_port)))
    return {place: frozenset(endpoints) for place, endpoints in places.items()}
