"""The wire shape of a request to render rules.

Source: contract.md, "POST /render".
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.objects.service import Scheduler
from app.schemas.base import Input, words
from app.schemas.objects.endpoint_slice import EndpointSlice
from app.schemas.objects.node import Node
from app.schemas.objects.service import Service
from app.schemas.objects.service_cidr import ServiceCIDR
from app.schemas.rules.models import Backend


class RenderConfig(Input):
    """The settings that an operator would have for all nodes."""

    scheduler: Annotated[str, words(Scheduler)] | None = Field(
        default=None, description="`rr` when absent."
    )
    masquerade_all: bool | None = Field(
        default=None,
        description="Whether all traffic to virtual addresses is masqueraded; false when absent.",
    )
    cluster_cidr: str | None = Field(
        default=None,
        description="The addresses of Pods: at most one range of each IP family.",
        examples=["10.244.0.0/16"],
    )
    node_port_addresses: list[str] | None = Field(
        default=None,
        description="Ranges of the node's addresses at which node ports answer, or `primary`; "
        "all when absent.",
    )
    service_cidrs: list[str] | None = Field(
        default=None,
        description="Ranges that ClusterIPs come from, beside those of the ServiceCIDRs of the "
        "request. With nftables, packets to an address in them that no Service has are dropped.",
        examples=[["10.96.0.0/12", "fd00:10:96::/112"]],
    )
    ip_families: list[Annotated[Literal["IPv4", "IPv6"], words(IPFamily)]] | None = Field(
        default=None, description="Both when absent."
    )
    backend: Annotated[Literal["ipvs", "nftables"], words(Backend, "RulesBackend")] | None = Field(
        default=None, description="`ipvs` when absent."
    )

    def rules(self) -> RulesConfig:
        """Give the settings, completed by their defaults."""
        clusters = (part.strip() for part in (self.cluster_cidr or "").split(","))
        return RulesConfig(
            scheduler=self.scheduler or Scheduler.RR,
            masquerade_all=bool(self.masquerade_all),
            cluster_cidrs=tuple(cidr for cidr in clusters if cidr),
            node_port_addresses=tuple(self.node_port_addresses or ()),
            ip_families=tuple(IPFamily(f) for f in dict.fromkeys(self.ip_families or IPFamily)),
        )


class RenderRequest(Input):
    """The state to make one node's rules from; nothing is stored."""

    node: Node | None = Field(default=None, description="The node that the rules are for.")
    services: list[Service] | None = Field(default=None, description="The Services there are.")
    endpoint_slices: list[EndpointSlice] | None = Field(
        default=None, description="Their endpoints."
    )
    service_cidrs: list[ServiceCIDR] | None = Field(
        default=None, description="Objects whose ranges ClusterIPs come from."
    )
    config: RenderConfig | None = Field(
        default=None, description="Settings; the defaults when absent."
    )
    documented_required: ClassVar = ("node",)


LISTS: Final[Mapping[str, type[Input]]] = {
    "services": Service,
    "endpointSlices": EndpointSlice,
}
"""The lists of a request that may be long."""
