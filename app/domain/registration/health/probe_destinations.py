"""Allowed destinations of probes: the Pod itself, unless an operator allows more.

    host of a probe, addresses of its Pod -> the host to connect to, or NotAllowed

Any client that may write a Pod chooses the host of its probes, and the prober reaches networks
that clients may not: without this limit, Pods could scan a node's network and its loopback.
Source: spec access 5.4.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address
from typing import Final

from app.domain.addresses import Address, Prefix, parse_address, parse_prefix
from app.domain.names import subdomain_problems

SETTING: Final = "WAYPOST_PROBE_OTHER_HOSTS"
NAME_SHOWN_MAX: Final = 80  # characters; longer names are cut in the Pod's status


class NotAllowed(Exception):
    """A probe has a destination that is not allowed; the message is for the Pod's status."""


class ProbeDestinations:
    """Decides to which hosts probes may connect."""

    def __init__(self, other_hosts: Iterable[str] = ()) -> None:
        """Allow addresses, ranges and DNS names besides a Pod's own addresses.

        Raises ValueError for an entry that is none of these.
        """
        self._ranges: list[Prefix] = []
        self._names: set[str] = set()
        for entry in other_hosts:
            if (found := _range(entry)) is not None:
                self._ranges.append(found)
            elif "/" in entry or ":" in entry or subdomain_problems(_name(entry)):
                raise ValueError(f"{entry!r} is no address, range of addresses or DNS name")
            else:
                self._names.add(_name(entry))

    def of(self, host: str, pod_addresses: Sequence[str]) -> str:
        """Return what to connect to for ``host``, by default the Pod; raises NotAllowed."""
        address = _address(host or pod_addresses[0])
        if address is None:
            if _name(host) in self._names:
                return host
            raise _not_allowed(repr(host[:NAME_SHOWN_MAX]), "is no address of the Pod")
        if not any(address in each for each in self._ranges):
            if address.is_loopback or address.is_link_local or address.is_unspecified:
                raise _not_allowed(
                    str(address), "is an address of the prober's own machine or link"
                )
            if address not in map(_address, pod_addresses):
                raise _not_allowed(str(address), "is no address of the Pod")
        # Exactly what was checked: the system's parser takes 010.0.0.1 for octal.
        return str(address)


def _not_allowed(host: str, reason: str) -> NotAllowed:
    return NotAllowed(f"not probed: {host} {reason}, and {SETTING} does not list it")


def _address(host: str) -> Address | None:
    """Parse an address; an IPv4-mapped IPv6 address becomes the IPv4 address."""
    address = parse_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _range(entry: str) -> Prefix | None:
    address = _address(entry)
    return parse_prefix(entry if address is None else f"{address}/{address.max_prefixlen}")


def _name(host: str) -> str:
    return host.lower().removesuffix(".")
