"""The explanation of a Service's endpoints, as values.

    Explanation(summary, pods, slices, conditions)

Codes are stable and for programs, messages are for people.  This module neither
computes nor renders them.
Source: contract.md, "Routes".
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.names import NamespacedName
from app.domain.objects.meta import Condition


class Verdict(StrEnum):
    """The state of a Pod as an endpoint of the Service."""

    READY = "Ready"
    DRAINED = "Drained"
    TERMINATING = "Terminating"
    NOT_READY = "NotReady"
    NOT_AN_ENDPOINT = "NotAnEndpoint"


class ReasonCode(StrEnum):
    """What is to be said of a Pod or a slice; reasons that exclude a Pod come first."""

    SELECTOR_MISMATCH = "SelectorMismatch"
    FINISHED = "Finished"
    NO_ADDRESS = "NoAddress"
    WRONG_FAMILY = "WrongFamily"
    LEASE_EXPIRED = "LeaseExpired"
    NODE_LEASE_EXPIRED = "NodeLeaseExpired"
    NOT_READY = "NotReady"
    TERMINATING = "Terminating"
    PORT_NOT_FOUND = "PortNotFound"
    DRAINED = "Drained"
    PUBLISHED_REGARDLESS = "PublishedRegardless"
    NOT_IN_SLICES = "NotInSlices"
    LEFT_OVER = "LeftOver"
    WRITTEN_BY_HAND = "WrittenByHand"
    MIRRORED = "Mirrored"
    BESIDE_SELECTOR = "BesideSelector"
    NO_ENDPOINTS = "NoEndpoints"
    NO_PORTS = "NoPorts"
    NONE_READY = "NoneReady"
    LABEL_MISSING = "LabelMissing"


@dataclass(frozen=True, slots=True)
class Reason:
    """One fact about a Pod or a slice."""

    code: ReasonCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodExplanation:
    """One Pod; ``slices`` are the names of slices that have it; without problems no reasons.

    ``requirements_failed`` counts the requirements of the selector that it does not meet.
    """

    pod: NamespacedName
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    requirements_failed: int = 0
    addresses: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()

    @property
    def is_selected(self) -> bool:
        """Whether the selector matches it."""
        return self.requirements_failed == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceExplanation:
    """One slice that Waypost did not make, or no longer updates."""

    slice: NamespacedName
    managed_by: str
    address_type: str
    endpoints: int
    endpoints_ready: int
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a Service has its endpoints.

    ``summary`` is one sentence: the likeliest cause when there are none.  Pods that
    nearly match come first; ``pods_omitted`` counts those not listed.
    """

    service: NamespacedName
    summary: str
    endpoints_ready: int
    endpoints: int
    pods: tuple[PodExplanation, ...] = ()
    pods_omitted: int = 0
    slices: tuple[SliceExplanation, ...] = ()
    slices_omitted: int = 0
    conditions: tuple[Condition, ...] = ()
