"""The wire shapes of the process itself: its health and its build.

Source: contract.md, "Routes"; spec kubernetes-api 5.13 for the version.
"""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Output, one_of


class ServerCheck(Output):
    """One thing that must work."""

    name: str = Field(examples=["database"])
    ok: bool
    message: str | None = Field(
        default=None, description="How well it goes; absent if there is no more to say."
    )


class Health(Output):
    """Whether the process can do its work, and what each check says."""

    status: Annotated[
        Literal["ok", "failed"],
        one_of("HealthStatus", "ok", "failed", description="The result of all checks."),
    ]
    checks: list[ServerCheck]


class Version(Output):
    """The build that answers."""

    major: str = Field(examples=["0"])
    minor: str = Field(examples=["1"])
    git_version: str = Field(description="The full version.", examples=["v0.1.0"])
    git_commit: str
    git_tree_state: str
    build_date: str
    go_version: str = Field(description="Always empty; clients of Kubernetes insist on it.")
    python_version: str = Field(examples=["3.11.7"])
    compiler: str
    platform: str = Field(examples=["linux/x86_64"])
