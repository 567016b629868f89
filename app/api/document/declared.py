"""What routes declare for the document, beside what the framework reads from their signatures.

    model -> body          names of headers -> parameters, headers of answers

A header is described once, here; routes name those that they read and send.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel

from app.api.http.delivery import NDJSON, SSE
from app.domain.objects.resource import AnyResource
from app.schemas.watch import OBJECT, WatchEvent

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
PATCH_SCHEMA: Final = "MergePatch"
UNSAID: Final = "Successful Response"
"""The framework's words for an answer, in place of which the document describes its schema."""


class Sent(StrEnum):
    """Headers of requests."""

    IF_MATCH = "If-Match"
    IF_NONE_MATCH = "If-None-Match"
    LAST_EVENT_ID = "Last-Event-ID"


class Answered(StrEnum):
    """Headers of answers."""

    ETAG = "ETag"
    LOCATION = "Location"
    WARNING = "Warning"
    NAMESPACES = "Waypost-Namespaces"
    RETRY_AFTER = "Retry-After"
    CHALLENGE = "WWW-Authenticate"


DESCRIPTIONS: Final[Mapping[str, str]] = {
    Sent.IF_MATCH: "Entity tags of which the object must have one, or `*`; else the answer is 412.",
    Sent.IF_NONE_MATCH: "Entity tags that the object must not have: a read is answered with 304, "
    "a write with 412.",
    Sent.LAST_EVENT_ID: "The id of the last server-sent event, to resume after it; "
    "`resourceVersion` is then ignored.",
    Answered.ETAG: "The entity tag of what is answered: for `If-Match` of a write, and for "
    "`If-None-Match` of a read, which is answered with 304 and no body while nothing has changed.",
    Answered.LOCATION: "The path of the new object.",
    Answered.WARNING: "What is accepted but probably a mistake, such as a field that is not kept; "
    "one header each.",
    Answered.NAMESPACES: "With `visible`: the namespaces that the answer is limited to, separated "
    "by commas; absent when it has all.",
    Answered.RETRY_AFTER: "Seconds after which the request may be sent again; with 429, 503 and "
    "504.",
    Answered.CHALLENGE: "Which credentials are missing, and what is wrong with those sent.",
}


def tag_of(resource: AnyResource) -> str:
    """Give the tag of a kind's operations: its plural in camel case.

    Generators make classes and modules of it, ``ClusterRolesApi`` and ``cluster_roles``, and find
    its words by their capitals.
    """
    first, *others = resource.plural_word.split("_")
    return first + "".join(word.capitalize() for word in others)


def reference(part: str, name: str) -> dict[str, Any]:
    """Refer to a component of the document."""
    return {"$ref": f"#/components/{part}/{name}"}


def declared(body: Mapping[str, Any] | None = None, headers: Iterable[Sent] = ()) -> dict[str, Any]:
    """Declare the body of a request and the headers that the route reads."""
    parameters = [
        {
            "name": header.value,
            "in": "header",
            "description": DESCRIPTIONS[header],
            "schema": {"type": "string"},
        }
        for header in headers
    ]
    wanted: dict[str, Any] = {} if body is None else {"requestBody": {**body}}
    return {**wanted, "parameters": parameters} if parameters else wanted


def body_of(model: type[BaseModel], description: str = "") -> dict[str, Any]:
    """Declare a body that the framework does not parse; ``schemas`` adds its model."""
    return body(reference("schemas", model.__name__), description=description)


def body(schema: Mapping[str, Any], *, media_type: str = JSON, description: str) -> dict[str, Any]:
    """Declare a body in one form."""
    content = {media_type: {"schema": {**schema}}}
    words = {"description": description} if description else {}
    return {**words, "required": True, "content": content}


STREAMS: Final = {
    SSE: reference("schemas", OBJECT),
    NDJSON: reference("schemas", WatchEvent.__name__),
}
"""What a watch sends: server-sent events, whose data are the objects, or an event a line.

The first form is the one that generated clients ask for; some read events as they arrive.
"""
PATCH_BODY: Final = body(reference("schemas", PATCH_SCHEMA), media_type=MERGE_PATCH, description="")


def answered(
    status: int, *headers: Answered, description: str = "", content: Mapping[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Declare the headers of a successful answer, and where no model says it, its content."""
    answer: dict[str, Any] = {}
    if description:
        answer["description"] = description
    if headers:
        answer["headers"] = {each.value: reference("headers", each.value) for each in headers}
    if content is not None:
        answer["content"] = {name: {"schema": schema} for name, schema in content.items()}
    return {status: answer}


def text_of(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """Declare an answer of text."""
    return answered(200, description=description, content={media_type: {"type": "string"}})


NOT_MODIFIED: Final = answered(
    304, Answered.ETAG, description="The client has it already; there is no body."
)
