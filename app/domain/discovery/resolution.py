"""The request and the result of resolving a name as a program would.

    Asked -> Resolved        values only; ``app.registry.resolution`` computes the result

Source: contract.md, "GET /resolve".
"""

from dataclasses import dataclass

from app.domain.discovery.resolvers.lookup import Lookup, Outcome
from app.domain.discovery.resolvers.resolv_conf import ResolvConf
from app.domain.discovery.resolvers.stub_resolver import Profile
from app.domain.names import NamespacedName
from app.domain.objects.namespace import DEFAULT_NAMESPACE


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
    """The outcome and its inputs."""

    asked: Asked
    lookup: Lookup
    conf: ResolvConf
    outcome: Outcome
    service: NamespacedName | None
