"""Resolution exactly as a program would see it, library by library.

A walk is a generator without I/O: it yields flights of queries and receives their
replies, so that one caller can answer from the zone and another ask an upstream server.

    walk(profile, lookup, host) -> flights ⇄ replies -> Outcome

Source: spec resolver 1 to 5.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from app.domain.discovery.resolvers import c_ares, glibc, go_resolver, musl
from app.domain.discovery.resolvers.lookup import Host, Lookup, Walk


class Profile(StrEnum):
    """The resolvers that are modelled, spelt as the API spells them."""

    GLIBC = "glibc"
    MUSL = "musl"
    MUSL_1_2_3 = "musl-1.2.3"
    GO = "go"
    C_ARES = "c-ares"


_WALKS: Mapping[Profile, Callable[[Lookup, Host], Walk]] = {
    Profile.GLIBC: glibc.walk,
    Profile.MUSL: musl.walk,
    Profile.MUSL_1_2_3: musl.walk_1_2_3,
    Profile.GO: go_resolver.walk,
    Profile.C_ARES: c_ares.walk,
}


def walk(profile: Profile, lookup: Lookup, host: Host) -> Walk:
    """Begin a lookup as the given resolver would do it."""
    return _WALKS[profile](lookup, host)
