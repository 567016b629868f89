"""A front proxy that authenticates users, and what it tells of the client's address.

    peer, certificate, header fields -> User | Refused | Malformed | None
    peer, header fields              -> address of the client

Whoever can send these headers can be anybody, so they count only from a known address that shows
a known certificate; from elsewhere they are thrown away before anything looks at them.  The
address serves limits and audit, never a decision.

Source: spec access 1.6; apiserver `pkg/authentication/request/headerrequest`; RFC 7239 section 8.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import unquote_to_bytes

from app.api.credentials.authorization import AUTHORIZATION, Fields
from app.api.credentials.certificates import ClientCertificate
from app.api.credentials.outcomes import (
    Authenticated,
    Failure,
    Malformed,
    Method,
    Refused,
)
from app.domain.access.subjects import SYSTEM_PREFIX, User
from app.domain.addresses import Address, Prefix, parse_address

FORWARDED_MAX: Final = 32  # addresses of X-Forwarded-For that are looked at
_REMOTE: Final = b"x-remote-"
_USER, _UID, _GROUP = b"x-remote-user", b"x-remote-uid", b"x-remote-group"
_EXTRA: Final = b"x-remote-extra-"
_IMPERSONATE: Final = b"impersonate-"
_INITIALS: Final = (b"a", b"x", b"i")  # of all names above; other fields need no closer look
_FORWARDED: Final = b"x-forwarded-for"
_WITH_PORT: Final = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d{1,5})?|(?P<v4>[\d.]+):\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Which proxies are believed.

    `is_plain` lets one on this machine, over loopback or a Unix socket, come without a
    certificate; whoever reaches loopback is believed then.
    """

    networks: tuple[Prefix, ...] = ()
    client_names: frozenset[str] = frozenset()
    is_plain: bool = False

    def know(self, peer: Address | None) -> bool:
        """Whether a connection comes from a proxy; None is a Unix socket."""
        if peer is None:
            return self.is_plain
        return any(peer.version == each.version and peer in each for each in self.networks)

    def trust(
        self, peer: Address | None, certificate: ClientCertificate | None, *, now: datetime
    ) -> bool:
        """Whether what the connection says of users counts."""
        if not self.know(peer):
            return False
        if self.is_plain and (peer is None or peer.is_loopback):
            return True
        return (
            certificate is not None
            and certificate.is_of_proxies
            and certificate.fault_at(now) is None
            and certificate.common_name in self.client_names
        )

    def client_of(self, peer: Address | None, fields: Fields) -> Address | None:
        """Find the client: the last address that is no proxy of ours."""
        if not self.know(peer):
            return peer
        told = b",".join(value for name, value in fields if name == _FORWARDED)
        for text in reversed(told.decode("latin-1").split(",")[-FORWARDED_MAX:]):
            address = _forwarded(text.strip())
            if address is None:
                break  # what stands further left was not written by a proxy of ours
            peer = address
            if not self.know(peer):
                break
        return peer


def plain_address(text: str) -> Address | None:
    """Read the address of a peer; one of IPv4 that arrives as IPv6 is itself again."""
    address = parse_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def authenticate_proxied(fields: Fields) -> Authenticated | Refused | Malformed | None:
    """Read the user from the headers of a trusted proxy; None if they name none."""
    try:
        told = [(name, value.decode()) for name, value in fields if name.startswith(_REMOTE)]
    except UnicodeDecodeError:
        return Refused(Failure.FORM, Method.PROXY)
    users, uids, groups = (_values(told, name) for name in (_USER, _UID, _GROUP))
    if len(users) > 1 or len(uids) > 1:
        return Malformed("the request has several X-Remote-User or X-Remote-Uid header fields")
    if not users or not users[0]:
        return None
    named = tuple(group for group in groups if group)
    if any(each.startswith(SYSTEM_PREFIX) for each in (*users, *named)):
        words = f"no proxy may name users under {SYSTEM_PREFIX}"
        return Refused(Failure.RESERVED, Method.PROXY, words)
    user = User(name=users[0], groups=named, uid="".join(uids), extra=_extra(told))
    return Authenticated(user=user, method=Method.PROXY)


def is_told_by_proxy(name: bytes) -> bool:
    """Whether a header field is one of a front proxy; `_` for `-` is another, and as bad."""
    return name.replace(b"_", b"-").startswith(_REMOTE)


def split_identity(
    fields: Fields,
) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Split header fields in those that say who the caller is, and all others.

    Nothing behind authentication may see or log the first.
    """
    identity: list[tuple[bytes, bytes]] = []
    others: list[tuple[bytes, bytes]] = []
    for each in fields:
        name = each[0]
        is_identity = name.startswith(_INITIALS) and (
            name == AUTHORIZATION
            or is_told_by_proxy(name)
            or name.replace(b"_", b"-").startswith(_IMPERSONATE)
        )
        (identity if is_identity else others).append(each)
    return identity, others


def _values(told: Iterable[tuple[bytes, str]], wanted: bytes) -> tuple[str, ...]:
    return tuple(value for name, value in told if name == wanted)


def _extra(told: Iterable[tuple[bytes, str]]) -> dict[str, tuple[str, ...]]:
    extra: dict[str, tuple[str, ...]] = {}
    for key, value in _extra_pairs(told):
        extra[key] = (*extra.get(key, ()), value)
    return extra


def _extra_pairs(told: Iterable[tuple[bytes, str]]) -> Iterator[tuple[str, str]]:
    for name, value in told:
        if name.startswith(_EXTRA):
            key = unquote_to_bytes(name.removeprefix(_EXTRA).lower())
            yield key.decode(errors="replace"), value


def _forwarded(text: str) -> Address | None:
    found = _WITH_PORT.fullmatch(text)
    return plain_address((found["v6"] or found["v4"]) if found else text)
