"""Query parameters that several routes share.

Source: spec kubernetes-api 5.3, 5.4 and 5.8; contract.md, "Routes".
"""

from typing import Annotated, Final, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from app.domain.dataplane.ipvs.script import Part
from app.domain.errors import Invalid
from app.domain.violations import not_supported
from app.schemas.base import one_of, tidy, wire_name, words

SELECTOR_CHARACTERS_MAX = 8_192
Text = Annotated[str, Field(max_length=SELECTOR_CHARACTERS_MAX)]
FieldValidation = Annotated[
    Literal["", "Ignore", "Warn", "Strict"],
    one_of(
        "FieldValidation",
        *("Ignore", "Warn", "Strict"),
        description="What is done about fields that are unknown, not kept or given twice; `Warn` "
        "when absent.",
    ),
]
DryRun = Annotated[
    Text,
    one_of(
        "DryRun", "All", description="What is left out of a write: `All` leaves out the commit."
    ),
]
_VersionMatch = Annotated[
    Literal["", "Exact", "NotOlderThan"],
    one_of(
        "ResourceVersionMatch",
        *("Exact", "NotOlderThan"),
        description="Whether a list shows `resourceVersion` itself, or one that may be later, as "
        "it does when absent.",
    ),
]
_PropagationPolicy = Literal["", "Foreground", "Background", "Orphan"]
_NAMESPACE = "Only objects of this namespace; of all when absent."
_FIELD_VALIDATION = (
    "What to do about fields that are unknown, not kept or given twice; `Warn` when absent."
)


NAMED: Final = "x-parameter"
"""Marks a parameter that differs from others of its name, and goes by another in the document."""


_LISTED_NAMESPACE: Final[dict[str, JsonValue]] = {NAMED: "listedNamespace"}  # beside that of paths
UNSHOWN: Final = "x-unshown"
"""Marks a parameter that clients of Kubernetes send, and that generated clients have no use for.

Either it has no effect, or it turns the answer into a stream, for which there is ``GET /watch``.
"""


def _strict(value: object) -> object:
    """Read a flag that rights depend on: a word that is read in two ways would pass them."""
    if not isinstance(value, str):
        return value
    if value.lower() not in _FLAGS:
        raise PydanticCustomError("flag", "must be true or false")
    return _FLAGS[value.lower()]


_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
Flag = Annotated[bool, BeforeValidator(_strict)]


def _without_defaults(schema: dict[str, JsonValue], model: type[BaseModel]) -> None:
    """Document that what is absent is the same as what is not sent."""
    tidy(schema, model)
    for field in cast("dict[str, dict[str, JsonValue]]", schema["properties"]).values():
        field.pop("default", None)


class Query(BaseModel):
    """Parameters in the wire's spelling; the layers before a route refuse unknown ones."""

    model_config = ConfigDict(
        alias_generator=wire_name,
        extra="ignore",
        json_schema_extra=_without_defaults,
        populate_by_name=True,
    )


class WriteQuery(Query):
    """Options of a write."""

    dry_run: DryRun = Field("", description="`All`: do everything but the commit.")
    field_validation: FieldValidation = Field("", description=_FIELD_VALIDATION)
    field_manager: Annotated[str, Field(max_length=128)] = Field(
        "",
        description="The name of the writer; accepted and ignored.",
        json_schema_extra={UNSHOWN: True},
    )


class ListQuery(Query):
    """Which objects of a collection to list or watch."""

    namespace: Text = Field("", description=_NAMESPACE, json_schema_extra=_LISTED_NAMESPACE)
    label_selector: Text = Field(
        "",
        description="Only objects whose labels match.",
        examples=["app=ent,tier in (web, api)", "!canary"],
    )
    field_selector: Text = Field(
        "", description="Only objects whose fields match.", examples=["metadata.name=ent"]
    )
    limit: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        0, description="Objects of one page; 0 lists all."
    )
    continue_: Text = Field("", description="Where the previous page ended.")
    resource_version: Text = Field(
        "",
        description="Wait until this revision is visible.",
        json_schema_extra={NAMED: "listedResourceVersion"},
    )
    resource_version_match: _VersionMatch = Field(
        "", description="How `resourceVersion` is meant: `NotOlderThan` when absent."
    )
    watch: Flag = Field(
        default=False,
        description="Follow changes instead of listing.",
        json_schema_extra={UNSHOWN: True},
    )
    timeout_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        0,
        description="End a watch after this time; 0 leaves it to the server.",
        json_schema_extra={UNSHOWN: True},
    )
    allow_watch_bookmarks: bool = Field(
        default=True,
        description="Accepted; a watch always has them, they keep it alive.",
        json_schema_extra={UNSHOWN: True},
    )
    send_initial_events: bool | None = Field(
        None,
        description="With `watch`: whether to begin with the objects there are; when absent, "
        "only without a `resourceVersion`.",
        json_schema_extra={UNSHOWN: True},
    )
    visible: Flag = Field(
        default=False,
        description="Show what the caller may see where all namespaces are not allowed.",
    )


class DeleteQuery(Query):
    """Options of a deletion."""

    dry_run: DryRun = Field("", description="`All`: do everything but the commit.")
    grace_period_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="How long a Pod keeps terminating; its own period when absent."
    )
    propagation_policy: _PropagationPolicy = Field(
        "",
        description="Accepted; dependents are always deleted too.",
        json_schema_extra={UNSHOWN: True},
    )
    orphan_dependents: bool | None = Field(
        None,
        description="Accepted; dependents are always deleted too.",
        json_schema_extra={UNSHOWN: True},
    )


class ApplyQuery(Query):
    """Options of an apply."""

    dry_run: DryRun = Field("", description="`All`: do everything but the commit.")
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

    part: Annotated[Part, words(Part, "RulesPart")] | None = Field(
        None, description="Answer with this text, and not with the rules in JSON."
    )
    field_validation: FieldValidation = Field("", description=_FIELD_VALIDATION)


class WatchQuery(Query):
    """Which objects to watch, of any set of kinds."""

    kinds: Text = Field(
        "",
        description="Which kinds, separated by commas; those of the network when absent: all but "
        "roles and their bindings.",
        examples=["Service,EndpointSlice"],
    )
    namespace: Text = Field("", description=_NAMESPACE, json_schema_extra=_LISTED_NAMESPACE)
    visible: Flag = Field(
        default=False,
        description="Show what the caller may see where all namespaces are not allowed.",
    )
    label_selector: Text = Field(
        "",
        description="Only objects whose labels match.",
        examples=["app=ent,tier in (web, api)", "!canary"],
    )
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
