"""Query parameters that several routes share.

Source: spec kubernetes-api 5.3, 5.4 and 5.8; contract.md, "Routes".
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.domain.dataplane.ipvs.script import Part
from app.domain.errors import Invalid
from app.domain.violations import not_supported
from app.schemas.base import wire_name

SELECTOR_CHARACTERS_MAX = 8_192
Text = Annotated[str, Field(max_length=SELECTOR_CHARACTERS_MAX)]
FieldValidation = Literal["", "Ignore", "Warn", "Strict"]
_FIELD_VALIDATION = (
    "What to do about fields that are unknown, not kept or given twice; `Warn` when absent."
)


def _strict(value: object) -> object:
    """Read a flag that rights depend on: a word that is read in two ways would pass them."""
    if not isinstance(value, str):
        return value
    if value.lower() not in _FLAGS:
        raise PydanticCustomError("flag", "must be true or false")
    return _FLAGS[value.lower()]


_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
Flag = Annotated[bool, BeforeValidator(_strict)]


class Query(BaseModel):
    """Parameters in the wire's spelling; the layers before a route refuse unknown ones."""

    model_config = ConfigDict(alias_generator=wire_name, extra="ignore", populate_by_name=True)


class WriteQuery(Query):
    """Options of a write."""

    dry_run: Text = Field("", description="`All`: do everything but the commit.")
    field_validation: FieldValidation = Field("", description=_FIELD_VALIDATION)
    field_manager: Annotated[str, Field(max_length=128)] = Field(
        "", description="The name of the writer; accepted and ignored."
    )


class ListQuery(Query):
    """Which objects of a collection to list or watch."""

    namespace: Text = Field("", description="Only objects of this namespace.")
    label_selector: Text = Field("", examples=["app=ent,tier in (web, api)", "!canary"])
    field_selector: Text = Field("", examples=["metadata.name=ent"])
    limit: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        0, description="Objects of one page; 0 lists all."
    )
    continue_: Text = Field("", description="Where the previous page ended.")
    resource_version: Text = Field(
        "", description="Wait until this revision is visible; with `watch`, begin after it."
    )
    resource_version_match: Literal["", "Exact", "NotOlderThan"] = ""
    watch: Flag = Field(default=False, description="Follow changes instead of listing.")
    timeout_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        0, description="End a watch after this time; 0 leaves it to the server."
    )
    allow_watch_bookmarks: bool = Field(
        default=True, description="Accepted; a watch always has them, they keep it alive."
    )
    send_initial_events: bool | None = Field(
        None,
        description="With `watch`: whether to begin with the objects there are; when absent, "
        "only without a `resourceVersion`.",
    )
    visible: Flag = Field(
        default=False,
        description="Show what the caller may see where all namespaces are not allowed.",
    )


class DeleteQuery(Query):
    """Options of a deletion."""

    dry_run: Text = Field("", description="`All`: do everything but the commit.")
    grace_period_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="How long a Pod keeps terminating; its own period when absent."
    )
    propagation_policy: Literal["", "Foreground", "Background", "Orphan"] = Field(
        "", description="Accepted; dependents are always deleted too."
    )
    orphan_dependents: bool | None = Field(
        None, description="Accepted; dependents are always deleted too."
    )


class ApplyQuery(Query):
    """Options of an apply."""

    dry_run: Text = Field("", description="`All`: do everything but the commit.")
    prune: bool = Field(
        default=False, description="Delete what `labelSelector` matches and the body does not name."
    )
    label_selector: Text = Field("", description="Needed with `prune`.", examples=["app=ent"])
    field_validation: FieldValidation = Field("", description=_FIELD_VALIDATION)
    strict: bool = Field(
        default=False,
        description="Refuse kinds that are not held, and fields as `fieldValidation=Strict` does.",
    )


class RenderQuery(Query):
    """Options of rendering rules."""

    part: Part | None = Field(None, description="Answer with this text instead.")
    field_validation: FieldValidation = Field("", description=_FIELD_VALIDATION)


class WatchQuery(Query):
    """Which objects to watch, of any set of kinds."""

    kinds: Text = Field(
        "",
        description="Those of the network when absent: all but roles and their bindings.",
        examples=["Service,EndpointSlice"],
    )
    namespace: Text = Field("", description="Only objects of this namespace.")
    visible: Flag = Field(
        default=False,
        description="Show what the caller may see where all namespaces are not allowed.",
    )
    label_selector: Text = Field("", examples=["app=ent"])
    resource_version: Text = Field(
        "", description="Begin after this revision; absent begins with what is there."
    )
    timeout_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        0, description="End after this time; 0 leaves it to the server."
    )
    progress: bool = Field(
        default=False,
        description="Send a bookmark whenever the registry moves on: what came before it is whole.",
    )


def is_dry_run(text: str) -> bool:
    """Read ``dryRun``; raises Invalid for anything but ``All`` or nothing."""
    if text not in ("", "All"):
        raise Invalid("WriteOptions", "", (not_supported("dryRun", text, ("All",)),))
    return text == "All"
