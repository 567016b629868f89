"""The wire shapes of virtual servers and their real servers, and the spellings of their values.

    ServerKey <-> VirtualServerAddress          ServedPort <-> VirtualServer

Source: contract.md, "GET /nodes/{name}/ipvs".
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from app.domain.addresses import family_of_text
from app.domain.dataplane.ipvs import virtual_server as servers
from app.domain.dataplane.ipvs.virtual_server import ServerKey
from app.domain.dataplane.rules import model
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.names import NamespacedName
from app.domain.objects.pod import WEIGHT_MAX
from app.domain.objects.service import Protocol, ServicePortName
from app.schemas.base import FailFastTuple, Output, Port, PortOrNone
from app.schemas.rules.health_checks import Service
from app.schemas.rules.spelling import Spelling, attributes, row


class VirtualServerAddress(Output):
    """The identity of a virtual server."""

    address: str = Field(description="The virtual address.", examples=["10.96.17.4"])
    port: PortOrNone = Field(description="The port.")
    protocol: Protocol = Field(description="The protocol.")


def _server_key(address: str, port: int, protocol: str) -> ServerKey:
    family = family_of_text(address)
    if family is None:
        raise ValueError(f"{address!r} is not an address")
    return servers.server_key(family, protocol, ordered(address)[1], port)


SERVER_KEY: Final = Spelling(
    VirtualServerAddress, attributes("address", "port", "protocol"), _server_key
)
Server = Annotated[ServerKey, SERVER_KEY]


class RealServer(Output):
    """A real server of a virtual server: the destination of connections."""

    address: str = Field(description="The address of the endpoint.", examples=["10.244.1.5"])
    port: PortOrNone = Field(description="The port of the endpoint.")
    weight: int = Field(
        ge=0, le=WEIGHT_MAX, description="0 takes no new connections.", examples=[1]
    )
    forwarding: Literal["masquerade"] = Field(description="How packets get there.")


class RealServerAddress(Output):
    """The identity of a real server of a virtual server."""

    address: str = Field(description="The address of the endpoint.")
    port: PortOrNone = Field(description="The port of the endpoint.")


DESTINATION: Final = Spelling(RealServer, iter, model.Destination)
PLACE: Final = row(RealServerAddress)
Real = Annotated[model.Destination, DESTINATION]


class VirtualServer(Output):
    """One address, port and protocol, and its real servers."""

    address: str = Field(description="The virtual address.", examples=["10.96.17.4"])
    port: Port = Field(description="The port.")
    protocol: Protocol = Field(description="The protocol.")
    scheduler: str = Field(description="How real servers are chosen.", examples=["rr"])
    flags: FailFastTuple[str] = Field(
        description="Flags, in the words of IPVS.", examples=[["persistent"]]
    )
    persistence_timeout_seconds: int | None = Field(
        description="How long a client keeps its real server; null without affinity."
    )
    service: Service = Field(description="The Service that is served.")
    port_name: str = Field(description="The name of its port; empty for a port without a name.")
    real_servers: FailFastTuple[Real] = Field(description="The endpoints, by address.")


class VirtualServerSettings(VirtualServerAddress):
    """A virtual server without its real servers."""

    scheduler: str = Field(description="How real servers are chosen.")
    flags: FailFastTuple[str] = Field(description="Flags, in the words of IPVS.")
    persistence_timeout_seconds: int | None = Field(
        description="How long a client keeps its real server; null without affinity."
    )


_Settings = tuple[str, tuple[str, ...], int | None]
"""Scheduler, flags and persistence."""


def _settings(address: str, port: int, protocol: str, *how: *_Settings) -> servers.VirtualServer:
    return servers.VirtualServer(_server_key(address, port, protocol), *how)


def _served_port(
    *fields: *tuple[str, int, str, *_Settings, NamespacedName, str, tuple[model.Destination, ...]],
) -> servers.ServedPort:
    service, port_name, real_servers = fields[6:]
    server = _settings(*fields[:6])._replace(real_servers=real_servers)
    return servers.ServedPort(ServicePortName(service, port_name, fields[2]), server)


_SETTINGS_FIELDS = (
    "key.address",
    "key.port",
    "key.protocol",
    "scheduler",
    "flags",
    "persistence_s",
)
SETTINGS: Final = Spelling(VirtualServerSettings, attributes(*_SETTINGS_FIELDS), _settings)
SERVED_PORT: Final = Spelling(
    VirtualServer,
    attributes(
        *(f"server.{field}" for field in _SETTINGS_FIELDS),
        *("name.service", "name.port", "server.real_servers"),
    ),
    _served_port,
)
