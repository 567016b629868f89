"""Settings: environment variables ``WAYPOST_…`` and ``.env``, read once.

They are passed on as plain values; only the composition root imports this module.  The
README lists them all, which a test checks.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.domain.addresses import PORT_MAX, Prefix, family_of, parse_prefix
from app.domain.dataplane.rules.node_facts import PRIMARY
from app.domain.errors import Violation
from app.domain.names import parse_domain, subdomain_problems
from app.domain.objects.service import Scheduler
from app.domain.registration.health.probe_destinations import ProbeDestinations
from app.domain.registration.service_cidrs import range_violations
from app.domain.registration.validation.dns_config import search_violations
from app.schemas.authorities import parse_host_pattern, parse_origin
from app.schemas.documents.body_bounds import MEMBERS_MAX, OBJECTS_MAX
from waypost.client.credentials import Credentials

PORT_MIN = 1
DNS_ORDINAL = 10  # of the cluster DNS in the first range, as in kubeadm, k3s and kube-up


class UnusableSetting(ValueError):
    """A setting that is valid but cannot be used on this machine; the message names it."""


@contextmanager
def blamed_on(*settings: str) -> Generator[None]:
    """Add the names of ``settings``, given without ``WAYPOST_``, to failures of the block.

    Raises UnusableSetting in place of an OSError or ValueError.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        names = " and ".join(f"WAYPOST_{name}" for name in settings)
        raise UnusableSetting(f"{names}: {error}") from error


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _each(parse: Callable[[str], str]) -> AfterValidator:
    """Replace every text of a list by what ``parse`` makes of it."""

    def parsed(value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(parse, value))

    return AfterValidator(parsed)


def _origin(text: str) -> str:
    if parse_origin(text) is None:
        raise ValueError(f"{text!r} is not an origin such as https://waypost.example")
    return text


def _range(text: str) -> str:
    return str(ip_network(text))


def _node_addresses(text: str) -> str:
    if text != PRIMARY:
        _prefix(text)
    return text


def _sendable(value: SecretStr) -> SecretStr:
    Credentials(value.get_secret_value())
    return value


TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Everything an operator can set; each default suits a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="WAYPOST_", env_file=".env", extra="ignore", frozen=True
    )

    database_url: str = Field(
        "", description="PostgreSQL 15 or later; empty runs an embedded one in `DATA_DIR`"
    )
    data_dir: Path = Field(Path(".waypost"), description="folder of the embedded PostgreSQL")
    service_cidrs: TextList = Field(
        ("10.96.0.0/12", "fd00:10:96::/112"),
        description="ranges of ClusterIPs; the family of the first is the default",
    )
    cluster_domain: str = Field("cluster.local", description="DNS zone of all names")
    cluster_dns: str = Field(
        "",
        validate_default=True,
        description="ClusterIP of the cluster DNS; empty is the tenth address of the first range",
    )
    bootstrap: bool = Field(
        default=True, description="create the Service `kube-system/kube-dns` on an empty database"
    )
    node_port_range: str = Field("30000-32767", description="first and last node port")
    namespace_autocreate: bool = Field(default=True, description="create Namespaces on first use")
    endpoints_per_slice: int = Field(
        100, ge=1, le=1000, description="maximum number of endpoints in one EndpointSlice"
    )
    node_lease_seconds: int = Field(
        40, ge=1, le=3600, description="time without a heartbeat until a node's lease expires"
    )
    history_seconds: int = Field(
        3600, ge=1, description="time for which changes are kept, so that watches can resume"
    )
    auth: bool = Field(
        default=False, description="authenticate and authorise every request, as `serve --auth`"
    )
    auth_stale_seconds: int = Field(
        60,
        ge=5,
        le=3600,
        description="time without contact to the database after which credentials are refused "
        "with 503, because a revocation may be unknown",
    )
    token_days_max: int = Field(
        366, ge=1, le=3660, description="longest life of a token of a user, in days"
    )
    token: Annotated[SecretStr, AfterValidator(_sendable)] = Field(
        SecretStr(""),
        description="token that clients, agents and replicas send; `waypost token create` makes "
        "one",
    )
    token_file: str = Field(
        "", description="file with that token instead, which is read again when it changes"
    )
    api_host: str = Field("127.0.0.1", description="address the API listens on")
    api_port: int = Field(8053, ge=0, le=PORT_MAX, description="port the API listens on")
    allowed_hosts: Annotated[TextList, _each(parse_host_pattern)] = Field(
        (),
        description="accepted host names of the API besides addresses, `localhost` and the "
        "machine's name: `waypost.example`, or `*.waypost.example`",
    )
    allowed_origins: Annotated[TextList, _each(_origin)] = Field(
        (),
        description="origins whose pages may write, besides the server's own: "
        "`https://waypost.example`",
    )
    tls_cert: str = Field(
        "", description="file of the API's certificate and its chain, PEM; empty serves plain HTTP"
    )
    tls_key: str = Field("", description="file of the certificate's key, PEM without a password")
    tls_client_ca: str = Field(
        "",
        description="file of the authorities whose client certificates name users; they must sign "
        "nothing else",
    )
    tls_min_version: Literal["1.2", "1.3"] = Field("1.2", description="lowest version of TLS")
    auth_config: str = Field(
        "", description="file of kind AuthenticationConfiguration: issuers of tokens"
    )
    jwt_leeway_seconds: int = Field(
        30, ge=0, le=300, description="by how much the clocks of issuers may differ"
    )
    trusted_proxies: Annotated[TextList, _each(_range)] = Field(
        (), description="addresses or ranges of front proxies that authenticate users"
    )
    proxy_client_ca: str = Field(
        "", description="file of the authorities of front proxies' certificates"
    )
    proxy_client_names: TextList = Field(
        (), description="common names that front proxies' certificates may have"
    )
    proxy_plain: bool = Field(
        default=False,
        description="believe front proxies on loopback or a Unix socket without a certificate: "
        "whoever reaches those can be any user",
    )
    dns_host: str = Field("127.0.0.1", description="address the DNS listens on")
    dns_port: int = Field(1053, ge=0, le=PORT_MAX, description="port the DNS listens on")
    dns_metrics_port: int = Field(
        9153, ge=0, le=PORT_MAX, description="port of `/readyz` and `/metrics` of `waypost dns`"
    )
    dns_ttl_seconds: int = Field(5, ge=0, le=3600, description="TTL of cluster records")
    dns_upstreams: TextList = Field(
        (),
        description="servers for other names: `address`, `address:port`, `fe80::1%eth0`, "
        "a resolv.conf path",
    )
    dns_cache_bytes: int = Field(
        33_554_432,
        ge=0,
        description="memory of the cache of upstream answers, per process; 0 disables it",
    )
    dns_workers: int = Field(
        1, ge=1, le=64, description="processes that answer DNS; with 1 the server itself answers"
    )
    dns_transfer_to: Annotated[TextList, _each(_range)] = Field(
        (), description="addresses or ranges that may transfer the zone (AXFR, IXFR)"
    )
    dns_notify: TextList = Field(
        (), description="secondaries to notify of changes, `address` or `address:port`"
    )
    dns_autopath: bool = Field(
        default=False, description="walk the search list for clients whose Pod is known"
    )
    dns_rate_limit: int = Field(
        10_000,
        ge=0,
        description="answers of one kind to one network (/24, /56) over UDP per second, "
        "loopback excepted; 0 is no limit",
    )
    dns_udp_bytes: int = Field(
        1232,
        ge=512,
        le=4096,
        description="maximum size of an answer over UDP; loopback gets up to 4096",
    )
    dns_pods: Literal["disabled", "insecure", "verified"] = Field(
        "insecure", description="Pod records: `disabled`, `insecure` or `verified`"
    )
    host_search: TextList = Field((), description="search domains after the three of the cluster")
    scheduler: Scheduler = Field(Scheduler.RR, description="IPVS scheduler of all Services")
    masquerade_all: bool = Field(default=False, description="masquerade all ClusterIP traffic")
    cluster_cidr: TextList = Field(
        (),
        description="ranges of Pod addresses, one per family; other traffic is masqueraded",
    )
    node_port_addresses: Annotated[TextList, _each(_node_addresses)] = Field(
        (), description="ranges of node addresses that answer node ports; empty means all"
    )
    requests_max: int = Field(
        512, ge=1, description="concurrent requests; more are refused with 429"
    )
    watchers_max: int = Field(10_000, ge=1, description="open watches; more are refused with 429")
    connections_max: int = Field(
        10_000, ge=1, description="open connections to the API; more are refused with 503"
    )
    body_bytes_max: int = Field(
        8_388_608, ge=1024, description="size of a request's body; a larger one is refused with 413"
    )
    apply_objects_max: int = Field(
        OBJECTS_MAX,
        ge=1,
        le=MEMBERS_MAX,
        description="objects in one body of `/apply`; more are refused with 400",
    )
    probe_other_hosts: TextList = Field(
        (),
        description="hosts that probes may reach besides a Pod's own addresses: addresses, ranges, "
        "DNS names; loopback and link-local addresses must be listed even if a Pod has them",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level that is logged"
    )

    @field_validator("service_cidrs")
    @classmethod
    def _ranges(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one range is needed")
        ranges = tuple(str(ip_network(part)) for part in value)
        if len(set(ranges)) < len(ranges):
            raise ValueError("a range is given twice")
        _raise(violation for text in ranges for violation in range_violations("", text))
        return ranges

    @field_validator("probe_other_hosts")
    @classmethod
    def _other_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        ProbeDestinations(value)
        return value

    @field_validator("cluster_cidr")
    @classmethod
    def _one_a_family(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        families = [family_of(_prefix(part)) for part in value]
        if len(set(families)) < len(families):
            raise ValueError("at most one range per family can be given")
        return value

    @field_validator("host_search")
    @classmethod
    def _domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _raise(search_violations("", tuple(part.lower() for part in value)))
        return value

    @field_validator("cluster_domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        domain = value.rstrip(".")
        if problems := subdomain_problems(domain):
            raise ValueError("; ".join(problems))
        parse_domain(domain)  # DNS labels have a lower maximum length than Kubernetes names
        return domain

    @field_validator("cluster_dns")
    @classmethod
    def _address(cls, value: str, info: ValidationInfo) -> str:
        if value:
            return str(ip_address(value))
        if not (ranges := info.data.get("service_cidrs")):
            return value  # the problem of the ranges has already been reported
        first = ip_network(ranges[0])
        if first.num_addresses <= DNS_ORDINAL:
            raise ValueError(
                f"must be given, because {first} in WAYPOST_SERVICE_CIDRS has no tenth address"
            )
        return str(first[DNS_ORDINAL])

    @field_validator("node_port_range")
    @classmethod
    def _port_range(cls, value: str) -> str:
        first, dash, last = value.partition("-")
        if not (dash and first.isdecimal() and last.isdecimal()):
            raise ValueError("a range is written first-last")
        if not PORT_MIN <= int(first) <= int(last) <= PORT_MAX:
            raise ValueError("ports are between 1 and 65535, the first not above the last")
        return value

    @property
    def node_ports(self) -> range:
        """The node port range as numbers."""
        first, _, last = self.node_port_range.partition("-")
        return range(int(first), int(last) + 1)

    @property
    def credentials(self) -> Credentials:
        """The credentials that an agent or a replica sends with its requests."""
        file = Path(self.token_file) if self.token_file else None
        return Credentials(self.token.get_secret_value(), file)


def _prefix(text: str) -> Prefix:
    prefix = parse_prefix(text)
    if prefix is None:
        raise ValueError(f"{text!r} is not a range of addresses such as 10.0.0.0/8")
    return prefix


def _raise(violations: Iterable[Violation]) -> None:
    """Raise violations of the core's rules as the ValueError that pydantic reports."""
    if words := "; ".join(violation.message for violation in violations):
        raise ValueError(words)
