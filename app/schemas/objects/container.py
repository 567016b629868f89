"""The wire shapes of a Pod's containers: their ports and probes.

Other fields of containers are not stored, and a warning names them.
Source: contract.md, "Objects"; spec kubernetes-api 3.4.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from app.domain.objects import pod as domain
from app.domain.objects.service import Protocol as ProtocolWord
from app.schemas.base import Input, Int32, IntOrString, Port, put_set
from app.schemas.objects.service import Protocol


class ContainerPort(Input):
    """A port that a container listens on; Services refer to it by name."""

    name: str | None = Field(default=None, examples=["web"])
    container_port: Port | None = Field(default=None, examples=[8080])
    protocol: Protocol | None = None
    documented_required: ClassVar = ("containerPort",)


class ExecAction(Input):
    """Probe by running a command in the container, which Waypost does not do."""

    command: list[str] | None = Field(default=None, examples=[["pg_isready", "-U", "postgres"]])
    documented_required: ClassVar = ("command",)


class HTTPHeader(Input):
    """A header of a probe's request."""

    name: str | None = None
    value: str | None = None
    documented_required: ClassVar = ("name", "value")


class HTTPGetAction(Input):
    """Probe by HTTP: 200 to 399 is a success."""

    path: str | None = Field(default=None, examples=["/healthz"])
    port: IntOrString | None = Field(default=None, examples=[8080])
    host: str | None = None
    scheme: str | None = Field(default=None, description="HTTP or HTTPS.")
    http_headers: list[HTTPHeader] | None = None
    documented_required: ClassVar = ("port",)


class TCPSocketAction(Input):
    """Probe by opening a connection."""

    port: IntOrString | None = None
    host: str | None = None
    documented_required: ClassVar = ("port",)


class GRPCAction(Input):
    """Probe by the standard gRPC health service."""

    port: Port | None = None
    service: str | None = None
    documented_required: ClassVar = ("port",)


class Probe(Input):
    """A readiness probe: one action, and when to run it."""

    exec: ExecAction | None = Field(
        default=None, description="Stored but not run: a client has to report readiness."
    )
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: Int32 | None = None
    period_seconds: Int32 | None = Field(default=None, description="10 when absent.")
    timeout_seconds: Int32 | None = Field(default=None, description="1 when absent.")
    success_threshold: Int32 | None = Field(default=None, description="1 when absent.")
    failure_threshold: Int32 | None = Field(default=None, description="3 when absent.")


class Container(Input):
    """A container: only its ports and its readiness probe count."""

    name: str | None = None
    ports: list[ContainerPort] | None = None
    readiness_probe: Probe | None = None
    restart_policy: str | None = Field(
        default=None,
        description="`Always` makes an init container a sidecar, whose ports and probe count.",
    )


def decode_containers(wire: Sequence[Container] | None) -> tuple[domain.Container, ...]:
    """Decode containers, in the order sent."""
    return tuple(
        domain.Container(
            name=container.name or "",
            ports=tuple(
                domain.ContainerPort(
                    container_port=port.container_port or 0,
                    name=port.name or "",
                    protocol=port.protocol or ProtocolWord.TCP,
                )
                for port in container.ports or ()
            ),
            readiness_probe=_decode_probe(container.readiness_probe),
            restart_policy=container.restart_policy,
        )
        for container in wire or ()
    )


def _decode_probe(wire: Probe | None) -> domain.Probe | None:
    if wire is None:
        return None
    return domain.Probe(
        exec=wire.exec and domain.ExecAction(command=tuple(wire.exec.command or ())),
        http_get=_decode_http(wire.http_get),
        tcp_socket=_decode_tcp(wire.tcp_socket),
        grpc=_decode_grpc(wire.grpc),
        initial_delay_s=wire.initial_delay_seconds or 0,
        period_s=wire.period_seconds or 10,
        timeout_s=wire.timeout_seconds or 1,
        success_threshold=wire.success_threshold or 1,
        failure_threshold=wire.failure_threshold or 3,
    )


def _decode_http(wire: HTTPGetAction | None) -> domain.HTTPGetAction | None:
    if wire is None:
        return None
    return domain.HTTPGetAction(
        port=0 if wire.port is None else wire.port,
        path=wire.path or "/",
        scheme=wire.scheme or "HTTP",
        host=wire.host or "",
        headers=tuple(
            (header.name or "", header.value or "") for header in wire.http_headers or ()
        ),
    )


def _decode_tcp(wire: TCPSocketAction | None) -> domain.TCPSocketAction | None:
    return wire and domain.TCPSocketAction(
        port=0 if wire.port is None else wire.port, host=wire.host or ""
    )


def _decode_grpc(wire: GRPCAction | None) -> domain.GRPCAction | None:
    return wire and domain.GRPCAction(port=wire.port or 0, service=wire.service or "")


def encode_containers(containers: tuple[domain.Container, ...]) -> list[dict[str, object]]:
    """Encode containers."""
    return [_encode_container(container) for container in containers]


def _encode_container(container: domain.Container) -> dict[str, object]:
    wire: dict[str, object] = {"name": container.name} if container.name else {}
    if container.ports:
        wire["ports"] = [_encode_port(port) for port in container.ports]
    if container.readiness_probe is not None:
        wire["readinessProbe"] = _encode_probe(container.readiness_probe)
    if container.restart_policy is not None:
        wire["restartPolicy"] = container.restart_policy
    return wire


def _encode_port(port: domain.ContainerPort) -> dict[str, object]:
    wire: dict[str, object] = {"name": port.name} if port.name else {}
    wire["containerPort"] = port.container_port
    wire["protocol"] = port.protocol
    return wire


_TIMES = {
    "initialDelaySeconds": "initial_delay_s",
    "periodSeconds": "period_s",
    "timeoutSeconds": "timeout_s",
    "successThreshold": "success_threshold",
    "failureThreshold": "failure_threshold",
}


def _encode_probe(probe: domain.Probe) -> dict[str, object]:
    wire: dict[str, object] = {}
    if probe.exec is not None:
        wire["exec"] = {"command": list(probe.exec.command)}
    if probe.http_get is not None:
        wire["httpGet"] = _encode_http(probe.http_get)
    if probe.tcp_socket is not None:
        wire["tcpSocket"] = _encode_tcp(probe.tcp_socket)
    if probe.grpc is not None:
        wire["grpc"] = {"port": probe.grpc.port, "service": probe.grpc.service}
    put_set(wire, probe, _TIMES)
    return wire


def _encode_tcp(action: domain.TCPSocketAction) -> dict[str, object]:
    return {"port": action.port, "host": action.host} if action.host else {"port": action.port}


def _encode_http(action: domain.HTTPGetAction) -> dict[str, object]:
    wire: dict[str, object] = {
        "path": action.path,
        "port": action.port,
        "scheme": action.scheme,
    }
    if action.host:
        wire["host"] = action.host
    if action.headers:
        wire["httpHeaders"] = [{"name": name, "value": value} for name, value in action.headers]
    return wire
