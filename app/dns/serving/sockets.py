"""The sockets of the server, one port for both transports, and where others reach them.

    host, port -> (UDP socket, listening TCP socket)
    0.0.0.0 -> the source address of the default route          127.0.0.1 -> itself

Source: style.md 7, trap 10; socket(7) on SO_REUSEPORT.
"""

import errno
import os
import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from app.domain.addresses import Address, parse_address

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024  # requested; the kernel may grant less
TCP_BACKLOG = 1024  # connections the kernel queues until they are accepted
TRIES_MAX = 32  # ports tried until one is free for both transports
_DROPS_COLUMN, _INODE_COLUMN = 12, 9  # of /proc/net/udp
_OUTSIDE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@dataclass(frozen=True, slots=True)
class Bound:
    """Two sockets at one address."""

    udp: socket.socket
    tcp: socket.socket

    @property
    def host(self) -> str:
        """The address they are bound to."""
        return str(self.udp.getsockname()[0])

    @property
    def port(self) -> int:
        """Their port."""
        return int(self.udp.getsockname()[1])

    def close(self) -> None:
        """Close both."""
        self.udp.close()
        self.tcp.close()


def bind(host: str, port: int, *, shares_port: bool = False) -> Bound:
    """Bind both transports; port 0 takes any that is free for both.

    With ``shares_port`` several such pairs may share one port, and the kernel
    distributes questions among them.  Raises OSError with a message for operators.
    """
    try:
        return _bound(host, port, shares_port=shares_port)
    except OSError as error:
        raise OSError(f"the DNS cannot listen on {host} port {port}: {error.strerror}") from error


def _bound(host: str, port: int, *, shares_port: bool) -> Bound:
    for _ in range(TRIES_MAX):
        udp = _open(socket.SOCK_DGRAM, host, port, shares_port=shares_port)
        try:
            tcp = _open(socket.SOCK_STREAM, host, udp.getsockname()[1], shares_port=shares_port)
        except OSError as error:
            udp.close()
            if port != 0 or error.errno != errno.EADDRINUSE:
                raise
        else:
            return Bound(udp, tcp)
    raise OSError(errno.EADDRINUSE, f"no port of {host} is free for both UDP and TCP")


def _open(kind: socket.SocketKind, host: str, port: int, *, shares_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    try:
        if shares_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if kind == socket.SOCK_DGRAM:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            opened.bind((host, port))
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind((host, port))
            opened.listen(TCP_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def drops_of(udp: socket.socket) -> int:
    """Read how many datagrams the kernel dropped on a full buffer; 0 if that is not known."""
    inode = str(os.fstat(udp.fileno()).st_ino) if udp.fileno() >= 0 else ""
    for table in (Path("/proc/net/udp"), Path("/proc/net/udp6")):
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[_INODE_COLUMN] == inode:
                return int(columns[_DROPS_COLUMN])
    return 0


def client_address(host: str) -> Address:
    """Parse the address of a client; an IPv4-mapped IPv6 address as IPv4."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def reached_at(host: str) -> tuple[str, ...]:
    """List the addresses, one a family, at which a socket bound to ``host`` is reached.

    A socket bound to ``::`` takes both families.
    """
    bare, _, _ = host.partition("%")
    address = ip_address(bare)
    if not address.is_unspecified:
        return (str(address),)
    v4_only = (socket.AF_INET,)
    families = v4_only if address.version == 4 else (*v4_only, socket.AF_INET6)  # noqa: PLR2004
    found = tuple(primary for family in families if (primary := _primary(family)))
    return found or (_LOOPBACK[families[-1]],)


def answered_at(host: str) -> tuple[Address, ...]:
    """List the non-loopback addresses of a socket bound to ``host``; none for a host name."""
    if parse_address(host.partition("%")[0]) is None:
        return ()
    found = map(ip_address, reached_at(host))
    return tuple(address for address in found if not address.is_loopback)


def _primary(family: socket.AddressFamily) -> str:
    """Ask the kernel which source address it would use to the outside; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((_OUTSIDE[family], 53))
        except OSError:
            return ""
        return str(asking.getsockname()[0])
