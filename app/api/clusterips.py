"""Route of the allocations: address ranges, their usage, and the Service of each address."""

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from app.api import errors as api_errors
from app.api.access.requirements import Asked, requires
from app.api.dependencies import SnapshotOf
from app.api.errors import refusals
from app.api.objects.representation import answer
from app.domain import errors
from app.domain.access.attributes import Attributes
from app.domain.addresses import Prefix, parse_address
from app.domain.objects.service_cidr import SERVICE_CIDR
from app.domain.registration.service.allocator import AddressRange, address_bands
from app.domain.registration.service.strategy import ranges_of
from app.domain.snapshot import Snapshot
from app.schemas.clusterips import ClusterIPAllocations

router = APIRouter(tags=["clusterIps"])


def _addresses(_: Asked) -> Iterable[Attributes]:
    """Ask for all addresses: the list names Services of every namespace."""
    yield Attributes(verb="list", api_group=SERVICE_CIDR.group, resource="ipaddresses")


@router.get(
    "/clusterips",
    operation_id="list_cluster_ips",
    summary="List address ranges and allocated addresses",
    response_model=ClusterIPAllocations,
    responses=refusals(errors.NotSynced, errors.RevisionAhead, api_errors.NotAcceptable),
)
@requires(_addresses)
async def list_cluster_ips(request: Request, snapshot: SnapshotOf) -> Response:
    """Show the ranges that ClusterIPs come from, and every address that is held."""
    return await run_in_threadpool(_answer, request, snapshot)  # there may be very many


def _answer(request: Request, snapshot: Snapshot) -> Response:
    allocations = sorted(
        (
            (address, service)
            for service in snapshot.services.values()
            for address in service.addresses
        ),
        key=lambda entry: _order(entry[0]),
    )
    return answer(
        request,
        {
            "kind": "ClusterIPs",
            "resourceVersion": str(snapshot.revision),
            "ranges": [_range(served, snapshot) for served in ranges_of(snapshot)],
            "allocations": [
                {
                    "address": address,
                    "service": {
                        "namespace": service.metadata.namespace,
                        "name": service.metadata.name,
                    },
                    "requested": address in service.requested_ips,
                }
                for address, service in allocations
            ],
        },
    )


def _order(address: str) -> tuple[int, int]:
    parsed = parse_address(address)
    assert parsed is not None, "allocated addresses are valid"
    return parsed.version, int(parsed)


def _range(served: AddressRange, snapshot: Snapshot) -> dict[str, object]:
    prefix, bands = served.prefix, address_bands(served.prefix)
    allocated = _allocated(prefix, snapshot)
    shown: dict[str, object] = {
        "cidr": str(prefix),
        "family": str(served.family),
        "usable": bands.usable,
        "allocated": allocated,
        "free": bands.usable - allocated,
    }
    first, last = bands.static
    if first <= last:
        shown["staticBand"] = {
            "first": str(prefix[first - int(prefix.network_address)]),
            "last": str(prefix[last - int(prefix.network_address)]),
        }
    return shown


def _allocated(prefix: Prefix, snapshot: Snapshot) -> int:
    return sum(
        1
        for service in snapshot.services.values()
        for address in service.addresses
        if parse_address(address) in prefix
    )
