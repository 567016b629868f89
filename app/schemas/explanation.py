"""The wire shape of an explanation: why each Pod is, or is not, an endpoint of a Service.

    Explanation -> ServiceExplanation

Source: contract.md, "Routes".
"""

from typing import Annotated, Literal

from pydantic import Field

from app.domain.discovery.explain.explanation import (
    Explanation,
    PodExplanation,
    Reason,
    ReasonCode,
    SliceExplanation,
    Verdict,
)
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import AddressType
from app.schemas.base import Output, words
from app.schemas.objects import metadata
from app.schemas.objects.metadata import Condition
from app.schemas.objects.shapes import encode
from app.schemas.rules.spelling import record


class ExplainedReason(Output):
    """One thing to know: a stable word for programs, and a sentence for people."""

    code: Annotated[str, words(ReasonCode, "EndpointReason")] = Field(
        description="The word for programs."
    )
    message: str = Field(
        description="The sentence for people.", examples=["wants app=web, has app=wbe"]
    )


Key = Annotated[NamespacedName, record(metadata.NamespacedName, NamespacedName)]
Reasons = tuple[Annotated[Reason, record(ExplainedReason, Reason)], ...]


class ExplainedPod(Output):
    """One Pod of the namespace."""

    pod: Key = Field(description="The Pod.")
    verdict: Annotated[str, words(Verdict, "EndpointVerdict")] = Field(
        description="What the Pod is to the Service."
    )
    reasons: Reasons = Field(description="Empty when all is well.")
    selected: bool = Field(description="Whether the selector picks it.")
    requirements_failed: int = Field(description="Parts of the selector that it does not meet.")
    addresses: tuple[str, ...] = Field(
        description="The addresses of the Pod.", examples=[["10.244.1.5"]]
    )
    slices: tuple[str, ...] = Field(
        description="EndpointSlices that hold it.", examples=[["ent-x7k2p"]]
    )


class ExplainedSlice(Output):
    """One EndpointSlice that was written by hand, or is no longer kept up to date."""

    slice: Key = Field(description="The EndpointSlice.")
    managed_by: str = Field(
        description="The controller that the slice names as its manager; may be empty."
    )
    address_type: Annotated[str, words(AddressType)] = Field(
        description="The type of its addresses."
    )
    endpoints: int = Field(description="How many endpoints it has.")
    endpoints_ready: int = Field(description="How many of them are ready.")
    reasons: Reasons = Field(description="What is to be said of it.")


_POD = record(ExplainedPod, PodExplanation, selected="is_selected")
_SLICE = record(ExplainedSlice, SliceExplanation)


class ServiceExplanation(Output):
    """Why a Service has the endpoints it has."""

    kind: Literal["Explanation"]
    service: metadata.NamespacedName = Field(description="The Service that is explained.")
    resource_version: str = Field(
        description="The revision that is explained; another one may read differently.",
        examples=["42"],
    )
    summary: str = Field(
        description="One sentence: the state, or the likeliest reason why there are no endpoints.",
        examples=["No Pod matches app=web; the nearest is web-1: it wants app=web, has app=wbe."],
    )
    endpoints: int = Field(description="How many endpoints the Service has.")
    endpoints_ready: int = Field(description="How many of them are ready.")
    pods: list[ExplainedPod] = Field(description="Those with something to be said come first.")
    pods_omitted: int = Field(description="Pods of the namespace that are not listed.")
    slices: list[ExplainedSlice] = Field(
        description="EndpointSlices of which there is something to be said."
    )
    slices_omitted: int = Field(description="EndpointSlices that are not listed for want of room.")
    conditions: list[Condition] = Field(
        description="Of the Service; `MassFailureGuard` says that endpoints which missed their "
        "heartbeats are kept."
    )


def encode_explanation(explanation: Explanation, revision: Revision) -> dict[str, object]:
    """Encode an explanation of the state at ``revision``."""
    return {
        "kind": "Explanation",
        "service": explanation.service._asdict(),
        "resourceVersion": str(revision),
        "summary": explanation.summary,
        "endpoints": explanation.endpoints,
        "endpointsReady": explanation.endpoints_ready,
        "pods": [_POD.write(pod) for pod in explanation.pods],
        "podsOmitted": explanation.pods_omitted,
        "slices": [_SLICE.write(slice_) for slice_ in explanation.slices],
        "slicesOmitted": explanation.slices_omitted,
        "conditions": [encode(Condition, each) for each in explanation.conditions],
    }
