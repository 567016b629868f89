"""The variables ``WAYPOST_…`` that mean something, without the settings, which are slow to load.

environment -> what is probably mistyped, for people

A test compares the names with the settings.  Kubernetes and Docker have variables of this prefix
beside programs named so; these, and all that resemble none, are left alone.
"""

from collections.abc import Iterator, Mapping
from typing import Final

PREFIX: Final = "WAYPOST_"
OF_CLIENTS: Final = ("API", "CONFIG", "NODE", "TOKEN", "TOKEN_FILE")
OF_SERVERS: Final = (
    "ACCESS_LOG",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "API_HOST",
    "API_PORT",
    "API_WORKERS",
    "APPLY_OBJECTS_MAX",
    "AUTH",
    "AUTH_CONFIG",
    "AUTH_STALE_SECONDS",
    "BODY_BYTES_MAX",
    "BOOTSTRAP",
    "CLUSTER_CIDR",
    "CLUSTER_DNS",
    "CLUSTER_DOMAIN",
    "CONNECTIONS_MAX",
    "CORS_ORIGINS",
    "DATA_DIR",
    "DATABASE_URL",
    "DNS_AUTOPATH",
    "DNS_CACHE_BYTES",
    "DNS_HOST",
    "DNS_METRICS_PORT",
    "DNS_NOTIFY",
    "DNS_PODS",
    "DNS_PORT",
    "DNS_RATE_LIMIT",
    "DNS_TRANSFER_TO",
    "DNS_TTL_SECONDS",
    "DNS_UDP_BYTES",
    "DNS_UPSTREAMS",
    "DNS_WORKERS",
    "ENDPOINTS_PER_SLICE",
    "HISTORY_SECONDS",
    "HOST_SEARCH",
    "JWT_LEEWAY_SECONDS",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "MASQUERADE_ALL",
    "NAMESPACE_AUTOCREATE",
    "NODE_LEASE_SECONDS",
    "NODE_PORT_ADDRESSES",
    "NODE_PORT_RANGE",
    "PROBE_OTHER_HOSTS",
    "PROXY_CLIENT_CA",
    "PROXY_CLIENT_NAMES",
    "PROXY_PLAIN",
    "REQUESTS_MAX",
    "SCHEDULER",
    "SERVICE_CIDRS",
    "TLS_CERT",
    "TLS_CLIENT_CA",
    "TLS_KEY",
    "TLS_MIN_VERSION",
    "TOKEN_DAYS_MAX",
    "TRACES_ENDPOINT",
    "TRUSTED_PROXIES",
    "WATCHERS_MAX",
)
_KNOWN: Final = frozenset((*OF_CLIENTS, *OF_SERVERS))


def mistyped(environment: Mapping[str, str]) -> Iterator[str]:
    """Word each variable that is none, but resembles one."""
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in _KNOWN:
            continue
        from app.cli.nearest import did_you_mean  # noqa: PLC0415  for mistakes alone

        if hint := did_you_mean(name, _KNOWN):
            meant = hint.replace('"', f'"{PREFIX}', 1)
            yield f"{variable} in the environment means nothing{meant}"
