"""Resolution of a name exactly as a program would see it, library by library.

    walk(profile, lookup, host) -> flights ⇄ replies -> Outcome
    Asked -> Resolved        values only; ``app.registry.resolution`` computes the result

A walk is a generator without I/O: it yields flights of queries and receives their
replies, so that one caller can answer from the zone and another ask an upstream server.
Source: spec resolver 1 to 5; contract.md, "GET /resolve".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from app.domain.discovery.resolvers import c_ares, glibc, go_resolver, musl
from app.domain.discovery.resolvers.lookup import Host, Lookup, Outcome, Walk
from app.domain.discovery.resolvers.resolv_conf import ResolvConf
from app.domain.names import NamespacedName
from app.domain.objects.namespace import DEFAULT_NAMESPACE


class Profile(StrEnum):
    """The library that resolves, as it is modelled."""

    GLIBC = "glibc"
    MUSL = "musl"
    MUSL_1_2_3 = "musl-1.2.3"
    GO = "go"
    C_ARES = "c-ares"


_WALKS: Mapping[Profile, Callable[[Lookup, Host], Walk]] = {
    Profile.GLIBC: glibc.walk,
    Profile.MUSL: partial(musl.walk, release=musl.NEW),
    Profile.MUSL_1_2_3: partial(musl.walk, release=musl.OLD),
    Profile.GO: go_resolver.walk,
    Profile.C_ARES: c_ares.walk,
}


def walk(profile: Profile, lookup: Lookup, host: Host) -> Walk:
    """Begin a lookup as the given resolver would do it."""
    return _WALKS[profile](lookup, host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: the name, the kind of program, and the place where it runs."""

    name: str
    qtype: str
    profile: Profile = Profile.GLIBC
    namespace: str = DEFAULT_NAMESPACE
    pod: NamespacedName | None = None
    search: tuple[str, ...] | None = None
    ndots: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The outcome and its inputs; upstream servers may have been asked for some of them."""

    asked: Asked
    lookup: Lookup
    conf: ResolvConf
    outcome: Outcome
    service: NamespacedName | None
    has_asked_upstream: bool = False
