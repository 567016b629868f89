"""Virtual servers as ``ipvsadm`` writes and reads them.

    virtual servers -> text for ``ipvsadm --restore``
    text of ``ipvsadm --save -n`` -> virtual servers, by identity

Which servers a node should have is not known here.  Source: spec ipvs 9.1.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from app.domain.addresses import PORT_MAX, Address, family_of, parse_address
from app.domain.dataplane.ipvs.virtual_server import (
    FOREIGN_WEIGHT,
    Flag,
    ServerKey,
    VirtualServer,
    server_key,
)
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import DESTINATION_WEIGHT_DEFAULT, Destination
from app.domain.errors import BadRequest
from app.domain.objects.service import Protocol, Scheduler

_OPTIONS: Final = {
    Protocol.TCP: "-t",
    Protocol.UDP: "-u",
    Protocol.SCTP: "--sctp-service",
}
_PROTOCOLS: Final = {
    "-t": Protocol.TCP,
    "--tcp-service": Protocol.TCP,
    "-u": Protocol.UDP,
    "--udp-service": Protocol.UDP,
    "--sctp-service": Protocol.SCTP,
}
_MASQUERADING: Final = ("-m", "--masquerading")
_SCHEDULER_DEFAULT = Scheduler.WLC  # what ipvsadm takes when a line names none
_PERSISTENCE_S_DEFAULT = 300  # what ipvsadm takes for -p without a number
_SHOWN_MAX = 200  # characters of a bad line that a refusal repeats


def service_option(key: ServerKey) -> str:
    """Write which virtual server is meant, ``-t 10.96.0.10:53``."""
    return f"{_OPTIONS[Protocol(key.protocol)]} {endpoint(key.address, key.port)}"


def endpoint(address: str, port: int) -> str:
    """Write an address and port; IPv6 goes in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def settings_options(server: VirtualServer) -> str:
    """Write the scheduler and flags of a virtual server, ``-s mh -p 300 -b mh-port``."""
    persistence = "" if server.persistence_s is None else f" -p {server.persistence_s}"
    flags = " -b mh-port" if Flag.MH_PORT in server.flags else ""
    return f"-s {server.scheduler}{persistence}{flags}"


def _encode_server(server: VirtualServer) -> str:
    """Write one virtual server and its real servers, as ``ipvsadm --save -n`` would."""
    service = service_option(server.key)
    head = f"-A {service} {settings_options(server)}\n"
    before = f"-a {service} -r "
    if server.key.family == "IPv4":
        lines = [f"{before}{a}:{p} -m -w {w}\n" for a, p, w in server.real_servers]
    else:
        lines = [f"{before}[{a}]:{p} -m -w {w}\n" for a, p, w in server.real_servers]
    return head + "".join(lines)


def encode_servers(servers: Iterable[VirtualServer]) -> str:
    """Write ``ipvsadm --restore`` input for a node that has none of these servers."""
    return "".join([_encode_server(server) for server in servers])


def parse_servers(text: str) -> dict[ServerKey, VirtualServer]:
    """Read the output of ``ipvsadm --save -n``; servers chosen by firewall mark are left out.

    Raises BadRequest when a line is not of that form.
    """
    servers: dict[ServerKey, VirtualServer] = {}
    destinations: dict[ServerKey, list[Destination]] = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "ipvsadm":
            words = words[1:]
        if not words or words[0].startswith("#") or "-f" in words or "--fwmark-service" in words:
            continue
        try:
            _read(words, servers, destinations)
        except (ValueError, IndexError, KeyError) as error:
            raise BadRequest(f"not a line of ipvsadm --save -n: {line[:_SHOWN_MAX]!r}") from error
    return {
        key: server._replace(real_servers=_sorted(destinations.get(key, ())))
        for key, server in servers.items()
    }


def _read(
    words: Sequence[str],
    servers: dict[ServerKey, VirtualServer],
    destinations: dict[ServerKey, list[Destination]],
) -> None:
    server = _parse_service(words)
    match words[0]:
        case "-A" | "--add-service" | "-E" | "--edit-service":
            servers[server.key] = server
        case "-a" | "--add-server" | "-e" | "--edit-server":
            if server.key not in servers:
                raise ValueError("a real server follows its virtual server")
            destinations.setdefault(server.key, []).append(_parse_destination(words))
        case _:
            raise ValueError(words[0])


def _parse_service(words: Sequence[str]) -> VirtualServer:
    protocol = _PROTOCOLS[words[1]]
    address, port = _parse_endpoint(words[2])
    persistence_s = _option(words, ("-p", "--persistent"))
    flags = [Flag.PERSISTENT] if persistence_s is not None else []
    engine, mask = _option(words, ("--pe",)), _option(words, ("-M", "--netmask"))
    return VirtualServer(
        key=server_key(family_of(address), protocol, str(address), port),
        scheduler=_option(words, ("-s", "--scheduler")) or _SCHEDULER_DEFAULT,
        flags=(
            *flags,
            *filter(None, (_option(words, ("-b", "--sched-flags")) or "").split(",")),
            *(["one-packet"] if "-o" in words or "--ops" in words else ()),
            *([f"pe {engine}"] if engine else ()),
            *([f"netmask {mask}"] if mask else ()),
        ),
        persistence_s=None
        if persistence_s is None
        else int(persistence_s or _PERSISTENCE_S_DEFAULT),
    )


def _parse_destination(words: Sequence[str]) -> Destination:
    address, port = _parse_endpoint(words[words.index("-r") + 1])
    weight = int(_option(words, ("-w", "--weight")) or DESTINATION_WEIGHT_DEFAULT)
    is_masquerading = any(word in words for word in _MASQUERADING)
    return Destination(str(address), port, weight if is_masquerading else FOREIGN_WEIGHT)


def _parse_endpoint(text: str) -> tuple[Address, int]:
    if text.startswith("["):
        host, closing, port = text[1:].partition("]")
        if not closing:
            raise ValueError(text)
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    address, number = parse_address(host), int(port or 0)  # persistent ones of every port have none
    if address is None or not 0 <= number <= PORT_MAX:
        raise ValueError(text)
    return address, number


def _option(words: Sequence[str], names: Sequence[str]) -> str | None:
    """Give the value of an option; "" when it stands alone, None when it is not there."""
    place = next((words.index(name) for name in names if name in words), None)
    if place is None:
        return None
    value = words[place + 1] if place + 1 < len(words) else ""
    return "" if value.startswith("-") else value


def _sorted(destinations: Iterable[Destination]) -> tuple[Destination, ...]:
    return tuple(sorted(destinations, key=lambda each: (ordered(each.address), each.port)))
