"""The operations of every collection as the document describes them, in words for any kind.

    WIRE of a kind -> arguments of a route: its name, words, models, headers and refusals

Source: contract.md, "Routes"; docs/decisions/0020.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from app.api import errors as api_errors
from app.api.document.declared import (
    PATCH_BODY,
    UNSAID,
    Answered,
    Sent,
    answered,
    body_of,
    declared,
)
from app.api.errors import refusals
from app.domain import errors
from app.domain.objects.resource import AnyResource
from app.domain.registration.strategies import strategy_for
from app.schemas.objects.lists import list_model
from app.schemas.objects.wire import Wire
from app.schemas.status import Status

Words = dict[str, Any]

_READ: Final = (errors.NotSynced, errors.RevisionAhead, api_errors.NotAcceptable)
_WRITE: Final = (
    errors.BadRequest,
    errors.NotFound,
    errors.Forbidden,
    errors.Conflict,
    errors.Exhausted,
    errors.Invalid,
    errors.NotSynced,
    errors.Unconfirmed,
    api_errors.BodyTooLarge,
    api_errors.Unsupported,
    api_errors.NotAcceptable,
)
_CHANGE: Final = (*_WRITE, errors.PreconditionFailed)
_CONDITIONS: Final = (Sent.IF_MATCH, Sent.IF_NONE_MATCH)
_OBJECT: Final = (Answered.ETAG, Answered.WARNING)
_SUBRESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "": ("", "Fields that are left out are removed."),
    "_status": (
        "the status of ",
        "Only the status, labels, annotations and owners are taken from the body.",
    ),
    "_finalize": (
        "the finalizers of ",
        "Only `spec.finalizers` is taken from the body; without any, a deletion is completed.",
    ),
}
"""By subresource: what is meant of an object, and what a replacement of it does."""


def listing(wire: Wire, *, is_watched: bool = True) -> Words:
    """Describe the list of a kind."""
    resource = wire.resource
    watching = (
        " With `watch=true`, which clients of Kubernetes send, the answer is that of `GET /watch`."
    )
    return {
        "operation_id": f"list_{resource.plural_word}",
        "summary": f"List {_plural(resource)}",
        "description": "Answers with all objects that the selectors match, a page at a time with "
        f"`limit`.{watching if is_watched else ' `watch` is refused.'}",
        "response_model": list_model(wire),
        "responses": {
            **answered(HTTPStatus.OK.value, Answered.NAMESPACES),
            **refusals(errors.BadRequest, errors.Expired, errors.Invalid, *_READ),
        },
    }


def creation(wire: Wire, *, answer: type | None = None, description: str = "") -> Words:
    """Describe the creation of an object; ``answer`` is what is answered, if not the object."""
    allocated = " Addresses and node ports that it leaves open are allocated."
    return {
        "operation_id": f"create_{wire.resource.word}",
        "summary": f"Create {_one(wire.resource)}",
        "description": description
        or "Registers an object under a name that is free."
        + (allocated if wire.resource.allocates else ""),
        "status_code": HTTPStatus.CREATED,
        "response_model": answer or wire.model,
        "responses": {
            **answered(HTTPStatus.CREATED.value, Answered.LOCATION, *_OBJECT),
            **refusals(*_WRITE),
        },
        "openapi_extra": declared(body_of(wire.model)),
    }


def reading(wire: Wire, suffix: str = "") -> Words:
    """Describe the reading of an object."""
    return {
        "operation_id": f"read_{wire.resource.word}{suffix}",
        "summary": f"Read {_SUBRESOURCES[suffix][0]}{_one(wire.resource)}",
        "description": f"Answers with the object{', as at its own path' if suffix else ''}.",
        "response_model": wire.model,
        "responses": {
            **answered(HTTPStatus.OK.value, *_OBJECT),
            **refusals(errors.NotFound, errors.PreconditionFailed, *_READ),
        },
    }


def replacement(wire: Wire, suffix: str = "") -> Words:
    """Describe the replacement of an object, or of a part of it."""
    of_what, effect = _SUBRESOURCES[suffix]
    strategy = strategy_for(wire.resource)
    creates = not suffix and strategy.is_created_by_put
    keeps = not suffix and wire.resource.status_fields and not strategy.is_created_with_status
    kept = " The status is kept: only a report changes it." if keeps else ""
    created = " An object that does not exist is created." if creates else ""
    return {
        "operation_id": f"replace_{wire.resource.word}{suffix}",
        "summary": f"Replace {of_what}{_one(wire.resource)}",
        "description": f"{effect}{kept}{created}",
        "response_model": wire.model,
        "responses": {
            **answered(HTTPStatus.OK.value, *_OBJECT),
            **(_created(wire) if creates else {}),
            **refusals(*_CHANGE),
        },
        "openapi_extra": declared(body_of(wire.model), _CONDITIONS),
    }


def patching(wire: Wire, suffix: str = "") -> Words:
    """Describe the change of an object, or of a part of it."""
    of_what, _ = _SUBRESOURCES[suffix]
    return {
        "operation_id": f"patch_{wire.resource.word}{suffix}",
        "summary": f"Change {of_what or 'parts of '}{_one(wire.resource)}",
        "description": "Applies a merge patch; JSON patches and strategic merge patches are "
        "accepted under their own media types.",
        "response_model": wire.model,
        "responses": {**answered(HTTPStatus.OK.value, *_OBJECT), **refusals(*_CHANGE)},
        "openapi_extra": declared(PATCH_BODY, _CONDITIONS),
    }


def deletion(wire: Wire) -> Words:
    """Describe the deletion of an object."""
    strategy = strategy_for(wire.resource)
    returns_object = strategy.is_returned_when_deleted
    graceful = "" if strategy.grace_s is None else "its grace period is over and "
    deleted = answered(HTTPStatus.OK.value, *_OBJECT if returns_object else (Answered.WARNING,))
    return {
        "operation_id": f"delete_{wire.resource.word}",
        "summary": f"Delete {_one(wire.resource)}",
        "description": "Removes the object, or marks it as terminating until "
        f"{graceful}its finalizers are removed.",
        "response_model": wire.model if returns_object else Status,
        "responses": {**deleted, **refusals(*_CHANGE)},
        "openapi_extra": declared(headers=_CONDITIONS),
    }


def _created(wire: Wire) -> dict[int | str, dict[str, Any]]:
    answer = answered(HTTPStatus.CREATED.value, *_OBJECT, description=UNSAID)
    answer[HTTPStatus.CREATED.value]["model"] = wire.model
    return answer


def _one(resource: AnyResource) -> str:
    article = "an" if resource.name[0] in "AEIO" else "a"
    return f"{article} {resource.name}"


def _plural(resource: AnyResource) -> str:
    return resource.plural_name
