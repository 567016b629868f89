"""Containers as a Docker engine inspects them: the fields that a registration depends on.

    GET /containers/{id}/json -> Container

Source: Docker Engine API 1.41, "Inspect a container"; labels as docker compose writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from waypost.client.shapes import mapping, text

PROJECT_LABEL: Final = "com.docker.compose.project"
SERVICE_LABEL: Final = "com.docker.compose.service"
ONE_OFF_LABEL: Final = "com.docker.compose.oneoff"  # of `docker compose run`
OURS: Final = "waypost."  # labels by which a container says how it is registered
STOP_S_DEFAULT: Final = 10  # until the engine kills what it has asked to stop
STOP_SIGNAL_DEFAULT: Final = "SIGTERM"


class Health(StrEnum):
    """What the engine's health check says; NONE without one."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container."""

    id: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    is_running: bool = True
    is_paused: bool = False
    started_at: str = ""
    """When it was started last, as the engine writes it."""
    health: Health = Health.NONE
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The addresses in each network: the one of IPv4 first."""
    is_in_host_network: bool = False
    exposed: tuple[str, ...] = ()
    """Such as ``80/tcp``, sorted by number and protocol."""
    stop_signal: str = STOP_SIGNAL_DEFAULT
    stop_s: int = STOP_S_DEFAULT


def container_of(inspected: Mapping[str, object]) -> Container:
    """Read an inspected container; what is missing has its default."""
    state, config = mapping(inspected.get("State")), mapping(inspected.get("Config"))
    networks = mapping(mapping(inspected.get("NetworkSettings")).get("Networks"))
    stop_s = config.get("StopTimeout")
    return Container(
        id=text(inspected, "Id"),
        name=text(inspected, "Name").removeprefix("/"),
        labels={key: text(config.get("Labels"), key) for key in mapping(config.get("Labels"))},
        is_running=state.get("Running") is True and state.get("Restarting") is not True,
        is_paused=state.get("Paused") is True,
        started_at=text(state, "StartedAt"),
        health=_health(text(mapping(state.get("Health")), "Status")),
        networks={name: found for name in networks if (found := _addresses(networks[name]))},
        is_in_host_network=text(inspected.get("HostConfig"), "NetworkMode") == "host",
        exposed=tuple(sorted(mapping(config.get("ExposedPorts")), key=_by_number)),
        stop_signal=text(config, "StopSignal") or STOP_SIGNAL_DEFAULT,
        stop_s=stop_s if isinstance(stop_s, int) else STOP_S_DEFAULT,
    )


def is_followed(labels: Mapping[str, object]) -> bool:
    """Whether a container with these labels is to be registered.

    ``waypost.service`` says so, and empty that it is not; else services of compose are.
    """
    if f"{OURS}service" in labels:
        return bool(labels[f"{OURS}service"])
    return SERVICE_LABEL in labels and text(labels, ONE_OFF_LABEL).lower() != "true"


def _health(status: str) -> Health:
    return Health(status) if status in tuple(Health) else Health.NONE


def _addresses(network: object) -> tuple[str, ...]:
    return tuple(filter(None, (text(network, name) for name in ("IPAddress", "GlobalIPv6Address"))))


def _by_number(port: str) -> tuple[int, str]:
    number, _, protocol = port.partition("/")
    return (int(number) if number.isdecimal() else 0, protocol)
