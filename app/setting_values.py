"""The values that settings may have, each a type that reads and checks its text.

    "10.0.0.0/8,fd00::/8" -> ("10.0.0.0/8", "fd00::/8"), or ValueError, which pydantic reports

Rules that objects must obey as well are those of the core.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_settings import NoDecode

from app.domain.addresses import PORT_MAX, Prefix, family_of, parse_prefix
from app.domain.dataplane.rules.node_facts import PRIMARY
from app.domain.errors import Violation
from app.domain.names import parse_domain, subdomain_problems
from app.domain.registration.health.probe_destinations import ProbeDestinations
from app.domain.registration.service_cidrs import range_violations
from app.domain.registration.validation.dns_config import search_violations
from app.schemas.authorities import parse_host_pattern, parse_origin
from waypost.client.http.credentials import Credentials

PORT_MIN = 1
DNS_ORDINAL = 10  # of the cluster DNS in the first range, as in kubeadm, k3s and kube-up


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _each(parse: Callable[[str], str]) -> AfterValidator:
    """Replace every text of a list by what ``parse`` makes of it."""

    def parsed(value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(parse, value))

    return AfterValidator(parsed)


def _origin(text: str) -> str:
    if "*" in text or parse_origin(text) is None:
        raise ValueError(f"{text!r} is not one origin such as https://waypost.example")
    return text


def _range(text: str) -> str:
    return str(ip_network(text))


def _node_addresses(text: str) -> str:
    if text != PRIMARY:
        _prefix(text)
    return text


def _sendable(value: SecretStr) -> SecretStr:
    Credentials(value.get_secret_value())
    return value


def _service_ranges(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("at least one range is needed")
    ranges = tuple(str(ip_network(part)) for part in value)
    if len(set(ranges)) < len(ranges):
        raise ValueError("a range is given twice")
    _raise(violation for text in ranges for violation in range_violations("", text))
    return ranges


def _probed_hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    ProbeDestinations(value)
    return value


def _one_a_family(value: tuple[str, ...]) -> tuple[str, ...]:
    families = [family_of(_prefix(part)) for part in value]
    if len(set(families)) < len(families):
        raise ValueError("at most one range per family can be given")
    return value


def _search_domains(value: tuple[str, ...]) -> tuple[str, ...]:
    _raise(search_violations("", tuple(part.lower() for part in value)))
    return value


def _domain(value: str) -> str:
    domain = value.rstrip(".")
    if problems := subdomain_problems(domain):
        raise ValueError("; ".join(problems))
    parse_domain(domain)  # DNS labels have a lower maximum length than Kubernetes names
    return domain


def _dns_address(value: str, info: ValidationInfo) -> str:
    if value:
        return str(ip_address(value))
    if not (ranges := info.data.get("service_cidrs")):
        return value  # the problem of the ranges has already been reported
    first = ip_network(ranges[0])
    if first.num_addresses <= DNS_ORDINAL:
        raise ValueError(
            f"must be given, because {first} in WAYPOST_SERVICE_CIDRS has no tenth address"
        )
    return str(first[DNS_ORDINAL])


def _port_range(value: str) -> str:
    first, dash, last = value.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal()):
        raise ValueError("a range is written first-last")
    if not PORT_MIN <= int(first) <= int(last) <= PORT_MAX:
        raise ValueError("ports are between 1 and 65535, the first not above the last")
    return value


def _prefix(text: str) -> Prefix:
    prefix = parse_prefix(text)
    if prefix is None:
        raise ValueError(f"{text!r} is not a range of addresses such as 10.0.0.0/8")
    return prefix


def _raise(violations: Iterable[Violation]) -> None:
    """Raise violations of the core's rules as the ValueError that pydantic reports."""
    if words := "; ".join(violation.message for violation in violations):
        raise ValueError(words)


Texts: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Ranges: TypeAlias = Annotated[Texts, _each(_range)]
ServiceRanges: TypeAlias = Annotated[Texts, AfterValidator(_service_ranges)]
PodRanges: TypeAlias = Annotated[Texts, AfterValidator(_one_a_family)]
NodeAddresses: TypeAlias = Annotated[Texts, _each(_node_addresses)]
ProbedHosts: TypeAlias = Annotated[Texts, AfterValidator(_probed_hosts)]
HostPatterns: TypeAlias = Annotated[Texts, _each(parse_host_pattern)]
Origins: TypeAlias = Annotated[Texts, _each(_origin)]
SearchDomains: TypeAlias = Annotated[Texts, AfterValidator(_search_domains)]
Domain: TypeAlias = Annotated[str, AfterValidator(_domain)]
PortRange: TypeAlias = Annotated[str, AfterValidator(_port_range)]
Secret: TypeAlias = Annotated[SecretStr, AfterValidator(_sendable)]

DNSAddress: TypeAlias = Annotated[str, AfterValidator(_dns_address)]
"""An address; empty is the tenth of the first range, so ``service_cidrs`` is read before it."""
