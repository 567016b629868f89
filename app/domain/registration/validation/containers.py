"""Rules for containers: names, ports, and which may have a readiness probe.

    containers, init containers -> violations

Source: spec kubernetes-api 3.4; contract.md, "Objects"; KEP-753 for sidecars.
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.names import label_problems, port_name_problems
from app.domain.objects.pod import Container, ContainerPort
from app.domain.registration.validation.ports import port_number_problems, protocol_violations
from app.domain.registration.validation.probes import probe_violations
from app.domain.violations import duplicate, each_invalid, forbidden, not_supported, required

RESTART_POLICIES = frozenset({"Always", "OnFailure", "Never"})  # of a Pod and of a container


def container_violations(
    containers: tuple[Container, ...], init_containers: tuple[Container, ...]
) -> Iterable[Violation]:
    """List what is wrong with the containers of a Pod, under the paths of their lists.

    Names are unique within a Pod: they identify probe results.
    """
    names: set[str] = set()
    for index, container in enumerate(containers):
        path = f"spec.containers[{index}]"
        yield from _container_violations(path, container, names)
        yield from _readiness_violations(path, container)
    for index, container in enumerate(init_containers):
        path = f"spec.initContainers[{index}]"
        yield from _container_violations(path, container, names)
        if container.is_sidecar:
            yield from _readiness_violations(path, container)
        elif container.readiness_probe is not None:
            detail = "may not be set for init containers without restartPolicy=Always"
            yield forbidden(f"{path}.readinessProbe", detail)


def _container_violations(path: str, container: Container, names: set[str]) -> Iterable[Violation]:
    if container.name:
        yield from each_invalid(f"{path}.name", container.name, label_problems(container.name))
        if container.name in names:
            yield duplicate(f"{path}.name", container.name)
        names.add(container.name)
    yield from _port_violations(f"{path}.ports", container.ports)
    policy = container.restart_policy
    if policy is not None and policy not in RESTART_POLICIES:
        yield not_supported(f"{path}.restartPolicy", policy, RESTART_POLICIES)


def _readiness_violations(path: str, container: Container) -> Iterable[Violation]:
    if container.readiness_probe is not None:
        yield from probe_violations(f"{path}.readinessProbe", container.readiness_probe)


def _port_violations(field: str, ports: tuple[ContainerPort, ...]) -> Iterable[Violation]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        path = f"{field}[{index}]"
        if port.name:
            yield from each_invalid(f"{path}.name", port.name, port_name_problems(port.name))
            if port.name in names:
                yield duplicate(f"{path}.name", port.name)
            names.add(port.name)
        number = port.container_port
        if number == 0:
            yield required(f"{path}.containerPort")
        else:
            yield from each_invalid(f"{path}.containerPort", number, port_number_problems(number))
        yield from protocol_violations(path, port.protocol)
