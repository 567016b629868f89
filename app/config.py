"""Settings: environment variables ``WAYPOST_…`` and ``.env``, read once.

They are passed on as plain values; only the composition root imports this module.  The
README lists them all, which a test checks.
"""

import errno
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.domain.addresses import PORT_MAX
from app.domain.objects.service import Scheduler
from app.schemas.documents.body_bounds import MEMBERS_MAX, OBJECTS_MAX
from app.setting_values import (
    DNSAddress,
    Domain,
    HostPatterns,
    NodeAddresses,
    Origins,
    PodRanges,
    PortRange,
    ProbedHosts,
    Ranges,
    SearchDomains,
    Secret,
    ServiceRanges,
    Texts,
)
from waypost.client.http.credentials import Credentials

COMMAND_CHARACTERS_MAX = 80
"""Of a program that is named in an error."""


class UnusableSetting(ValueError):
    """A setting that is valid but cannot be used on this machine; the message names it."""


@contextmanager
def blamed_on(*settings: str, port: int | None = None) -> Generator[None]:
    """Add the names of ``settings``, given without ``WAYPOST_``, to failures of the block.

    If ``port`` is in use, the program that listens there is named too.  Raises UnusableSetting in
    place of an OSError or ValueError.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        names = " and ".join(f"WAYPOST_{name}" for name in settings)
        cause = error.__cause__
        is_taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
        by = _listener_at(port) if is_taken and port is not None else ""
        raise UnusableSetting(f"{names}: {error}{by}") from error


def _listener_at(port: int) -> str:
    """Name a program that has a port, of those that this user may see; else the empty text."""
    import psutil  # noqa: PLC0415  most starts find their ports free

    with suppress(psutil.Error, OSError):
        for held in psutil.net_connections("inet"):
            if held.laddr and held.laddr.port == port and not held.raddr and held.pid:
                command = " ".join(psutil.Process(held.pid).cmdline())[:COMMAND_CHARACTERS_MAX]
                return f" by process {held.pid}, {command}"
    return ""


class Settings(BaseSettings):
    """Everything an operator can set; each default suits a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="WAYPOST_", env_file=".env", extra="ignore", frozen=True
    )

    database_url: str = Field(
        "",
        repr=False,  # it may have a password
        description="PostgreSQL 15 or later; empty runs an embedded one in `DATA_DIR`",
    )
    data_dir: Path = Field(Path(".waypost"), description="folder of the embedded PostgreSQL")
    service_cidrs: ServiceRanges = Field(
        ("10.96.0.0/12", "fd00:10:96::/112"),
        description="ranges of ClusterIPs; the family of the first is the default",
    )
    cluster_domain: Domain = Field("cluster.local", description="DNS zone of all names")
    cluster_dns: DNSAddress = Field(
        "",
        validate_default=True,
        description="ClusterIP of the cluster DNS; empty is the tenth address of the first range",
    )
    bootstrap: bool = Field(
        default=True, description="create the Service `kube-system/kube-dns` on an empty database"
    )
    node_port_range: PortRange = Field("30000-32767", description="first and last node port")
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
    token: Secret = Field(
        SecretStr(""),
        description="token that clients, agents and replicas send; `waypost token create` makes "
        "one",
    )
    token_file: str = Field(
        "", description="file with that token instead, which is read again when it changes"
    )
    api_host: str = Field("127.0.0.1", description="address the API listens on")
    api_port: int = Field(8053, ge=0, le=PORT_MAX, description="port the API listens on")
    allowed_hosts: HostPatterns = Field(
        (),
        description="accepted host names of the API besides addresses, `localhost` and the "
        "machine's name: `waypost.example`, or `*.waypost.example`",
    )
    allowed_origins: Origins = Field(
        (),
        description="origins whose pages may write, besides the server's own: "
        "`https://waypost.example`",
    )
    cors_origins: Origins = Field(
        (),
        description="origins whose pages may read and write (CORS), exact and none by default: "
        "`https://dashboard.example`",
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
    trusted_proxies: Ranges = Field(
        (), description="addresses or ranges of front proxies that authenticate users"
    )
    proxy_client_ca: str = Field(
        "", description="file of the authorities of front proxies' certificates"
    )
    proxy_client_names: Texts = Field(
        (), description="common names that front proxies' certificates may have"
    )
    proxy_plain: bool = Field(
        default=False,
        description="believe front proxies on loopback or a Unix socket without a certificate: "
        "whoever reaches those can be any user",
    )
    api_workers: int = Field(
        1, ge=1, le=64, description="processes that answer the API; limits hold for each"
    )
    dns_host: str = Field("127.0.0.1", description="address the DNS listens on")
    dns_port: int = Field(1053, ge=0, le=PORT_MAX, description="port the DNS listens on")
    dns_metrics_port: int = Field(
        9153, ge=0, le=PORT_MAX, description="port of `/readyz` and `/metrics` of `waypost dns`"
    )
    dns_ttl_seconds: int = Field(5, ge=0, le=3600, description="TTL of cluster records")
    dns_upstreams: Texts = Field(
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
    dns_transfer_to: Ranges = Field(
        (), description="addresses or ranges that may transfer the zone (AXFR, IXFR)"
    )
    dns_notify: Texts = Field(
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
    host_search: SearchDomains = Field(
        (), description="search domains after the three of the cluster"
    )
    scheduler: Scheduler = Field(Scheduler.RR, description="IPVS scheduler of all Services")
    masquerade_all: bool = Field(default=False, description="masquerade all ClusterIP traffic")
    cluster_cidr: PodRanges = Field(
        (),
        description="ranges of Pod addresses, one per family; other traffic is masqueraded",
    )
    node_port_addresses: NodeAddresses = Field(
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
    probe_other_hosts: ProbedHosts = Field(
        (),
        description="hosts that probes may reach besides a Pod's own addresses: addresses, ranges, "
        "DNS names; loopback and link-local addresses must be listed even if a Pod has them",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level that is logged"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="form of the log: lines for people, or a JSON object a line"
    )
    traces_endpoint: str = Field(
        "",
        description="where traces are sent, by OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`; "
        "needs `waypost[otel]`",
    )
    access_log: bool = Field(
        default=False, description="log a line for each request to the API; never for DNS"
    )

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
