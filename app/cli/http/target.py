"""Where requests go directly: a plain URL, without a proxy.

    URL, environment -> Target,  or None

None is for the client of long-running processes, which knows proxies, users in URLs, names beyond
ASCII, and what is wrong with a URL.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from waypost.client.http.credentials import is_loopback

_PORT_MAX: Final = 65_535
_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._~-]*)*)"
)
_HAS_PROXIES_OF_SYSTEM: Final = sys.platform != "linux"  # elsewhere, settings name them too


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: ``prefix`` is the path before theirs."""

    is_tls: bool
    host: str
    port: int
    prefix: str

    @property
    def is_private(self) -> bool:
        """Whether what is sent is encrypted, or stays on this machine."""
        return self.is_tls or is_loopback(self.host)

    @property
    def authority(self) -> str:
        """The host as requests name it, with its port unless that is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _usual_port(is_tls=self.is_tls) else f"{host}:{self.port}"


def target_of(url: str, environment: Mapping[str, str]) -> Target | None:
    """Parse a URL; None unless it is plain, and certainly needs no proxy."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, host, port_text, prefix = found.groups()
    port = int(port_text or _usual_port(is_tls=scheme == "https"))
    target = Target(scheme == "https", host.strip("[]").lower(), port, prefix.rstrip("/"))
    if not 0 < port <= _PORT_MAX or _may_need_proxy(target, environment):
        return None
    return target


def _may_need_proxy(target: Target, environment: Mapping[str, str]) -> bool:
    if is_loopback(target.host):
        return False  # a proxy cannot reach this machine
    named = any(name.lower().endswith("_proxy") for name in environment)
    return named or _HAS_PROXIES_OF_SYSTEM


def _usual_port(*, is_tls: bool) -> int:
    return 443 if is_tls else 80
