"""The wire shapes of the process itself: its health, its build, and what is to be scraped of it.

Source: contract.md, "Routes"; spec kubernetes-api 5.13 for the version; Prometheus, "HTTP SD".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, RootModel

from app.schemas.base import Output, one_of


class ServerCheck(Output):
    """One thing that must work."""

    name: str = Field(description="What is checked.", examples=["database"])
    ok: bool = Field(description="Whether it works.")
    message: str | None = Field(
        default=None, description="How well it goes; absent if there is no more to say."
    )


class Health(Output):
    """Whether the process can do its work, and what each check says."""

    status: Annotated[
        Literal["ok", "failed"],
        one_of("HealthStatus", "ok", "failed", description="The result of all checks."),
    ] = Field(description="Whether all checks succeeded.")
    checks: list[ServerCheck] = Field(description="Every check with its result.")


class Version(Output):
    """The build that answers."""

    major: str = Field(description="The first number of the version.", examples=["0"])
    minor: str = Field(description="The second number of the version.", examples=["1"])
    git_version: str = Field(description="The full version.", examples=["v0.1.0"])
    git_commit: str = Field(description="The commit that was built; empty when it is not known.")
    git_tree_state: str = Field(
        description="Whether the source was `clean` when it was built; empty when it is not known."
    )
    build_date: str = Field(description="When it was built; empty when it is not known.")
    go_version: str = Field(description="Always empty; clients of Kubernetes insist on it.")
    python_version: str = Field(
        description="The version of Python that runs the server.", examples=["3.11.7"]
    )
    compiler: str = Field(description="The implementation of Python.")
    platform: str = Field(
        description="The operating system and the processor.", examples=["linux/x86_64"]
    )


class ScrapeTargetGroup(Output):
    """Addresses that share labels."""

    targets: list[str] = Field(
        description="Addresses with their ports.", examples=[["10.244.1.5:8080"]]
    )
    labels: dict[str, str] = Field(
        description="Labels; those that begin with `__` are for relabelling.",
        examples=[{"__meta_waypost_role": "pod", "__metrics_path__": "/metrics"}],
    )


class ScrapeTargets(RootModel[list[ScrapeTargetGroup]]):
    """Everything that is to be scraped."""


def encode_targets(groups: Iterable[tuple[Sequence[str], Mapping[str, str]]]) -> bytes:
    """Write groups of targets."""
    listed = [{"targets": targets, "labels": labels} for targets, labels in groups]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()
