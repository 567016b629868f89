"""Translation of refusals into HTTP answers: the one table, and its exception handlers.

    DomainError, framework error, bug -> HTTP status + Kubernetes Status

Source: contract.md, "Errors"; spec kubernetes-api 1.7.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.api.http.content_negotiation import JSON, NotAcceptable, chosen_form, encoded
from app.api.objects.representation import warn
from app.domain import errors
from app.domain.errors import CauseReason
from app.schemas.status import failure, status_of

REFUSAL = "A refusal."  # stands for the description of any
RETRY_AFTER_S = 1  # seconds in the Retry-After header of refusals that may be retried

_log = logging.getLogger(__name__)


class Unsupported(errors.DomainError):
    """The body's content type, or its content coding, is none that is read here."""

    reason = "UnsupportedMediaType"


class BodyTooLarge(errors.DomainError):
    """The body exceeds the bound."""

    reason = "RequestEntityTooLarge"


class HeadTooLarge(errors.DomainError):
    """The request line and the header fields exceed a bound."""

    reason = "RequestHeaderFieldsTooLarge"


class TargetTooLong(errors.DomainError):
    """The request line exceeds its bound."""

    reason = "URITooLong"


class MethodRefused(errors.DomainError):
    """The method is none of the path's, or one that no path has."""

    reason = "MethodNotAllowed"

    def __init__(self, message: str, *, allowed: str = "") -> None:
        """Refuse; ``allowed`` lists the methods that there are, as in ``Allow``."""
        super().__init__(message)
        self.allowed = allowed


class Misdirected(errors.DomainError):
    """The request is sent to a host that this server is not known as."""

    reason = "MisdirectedRequest"


class ForeignPage(errors.DomainError):
    """A page of another origin would change something."""

    reason = "Forbidden"


class Unauthenticated(errors.DomainError):
    """The request has no credentials, or none that are good."""

    reason = "Unauthorized"

    def __init__(self, challenge: str = "") -> None:
        """Say no more than this to a client; ``challenge`` is its ``WWW-Authenticate``."""
        super().__init__("Unauthorized")
        self.challenge = challenge


class UnclearCredentials(errors.BadRequest):
    """The request has credentials twice."""

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__(message)
        self.challenge = challenge


class TooSlow(errors.DomainError):
    """The request did not come in time, its head or its body; the connection is closed."""

    reason = "RequestTimeout"


class Overloaded(errors.DomainError):
    """A bound on what is done at once is reached."""

    reason = "TooManyRequests"

    def __init__(self, message: str, *, retry_after_s: int = RETRY_AFTER_S) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


STATUSES: Mapping[type[errors.DomainError], HTTPStatus] = {
    errors.BadRequest: HTTPStatus.BAD_REQUEST,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.AlreadyExists: HTTPStatus.CONFLICT,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.Exhausted: HTTPStatus.CONFLICT,
    errors.Expired: HTTPStatus.GONE,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotSynced: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RevisionAhead: HTTPStatus.GATEWAY_TIMEOUT,
    errors.Unconfirmed: HTTPStatus.GATEWAY_TIMEOUT,
    Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HeadTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    TargetTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    MethodRefused: HTTPStatus.METHOD_NOT_ALLOWED,
    Misdirected: HTTPStatus.MISDIRECTED_REQUEST,
    ForeignPage: HTTPStatus.FORBIDDEN,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    UnclearCredentials: HTTPStatus.BAD_REQUEST,
    TooSlow: HTTPStatus.REQUEST_TIMEOUT,
    Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
}
_RETRIED = frozenset(
    {
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_OPTIONS: Mapping[str, str] = {
    "fieldValidation": "WriteOptions",
    "propagationPolicy": "DeleteOptions",
    "resourceVersionMatch": "ListOptions",
}
"""Parameters with a closed vocabulary that Kubernetes validates as fields of an object."""

_CAUSES: Mapping[str, CauseReason] = {
    "missing": CauseReason.REQUIRED,
    "literal_error": CauseReason.NOT_SUPPORTED,
    "enum": CauseReason.NOT_SUPPORTED,
}
_REASONS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
}


def refusals(*kinds: type[errors.DomainError]) -> dict[int | str, dict[str, Any]]:
    """Declare what a route may refuse; the document describes each status once."""
    return {STATUSES[kind].value: {"description": REFUSAL} for kind in kinds}


def described(kind: type[errors.DomainError]) -> str:
    """Describe a refusal in the API's document."""
    return f"`{kind.reason}`: {(kind.__doc__ or '').partition(chr(10))[0]}"


def refused(error: errors.DomainError, form: str = JSON) -> Response:
    """Answer a refusal."""
    code = STATUSES[type(error)]
    retry_after_s = RETRY_AFTER_S if code in _RETRIED else 0
    if isinstance(error, Overloaded):
        retry_after_s = error.retry_after_s
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
    if isinstance(error, (Unauthenticated, UnclearCredentials)) and error.challenge:
        headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, MethodRefused):
        headers["Allow"] = error.allowed
    if isinstance(error, TooSlow):
        headers["Connection"] = "close"  # the rest of the request is not read
    status = status_of(error, code.value, retry_after_s=retry_after_s)
    return _answer(code.value, status, headers, form)


def install(app: FastAPI) -> None:
    """Make every error of an application, ours or the framework's, a Status."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(Exception, _on_bug)


async def answer_to(request: Request, error: Exception) -> Response:
    """Answer what a route has raised; an error that is no refusal is raised again."""
    for kind, handler in _HANDLERS.items():
        if isinstance(error, kind):
            return await handler(request, error)
    raise error


async def _on_refusal(request: Request, error: Exception) -> Response:
    """Answer a refusal, with earlier warnings: a mistyped field may be its reason."""
    assert isinstance(error, errors.DomainError)
    return warn(refused(error, form_of(request)), getattr(request.state, "warnings", ()))


async def _on_bad_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    causes = [
        errors.Violation(
            _CAUSES.get(found["type"], CauseReason.INVALID),
            "".join(_step(part) for part in found["loc"][1:]).removeprefix("."),
            found["msg"],
        )
        for found in error.errors()
    ]
    options = {_OPTIONS.get(cause.field, "") for cause in causes}
    if len(options) == 1 and (kind := options.pop()):
        return refused(errors.Invalid(kind, "", causes), form_of(request))
    words = ", ".join(str(cause) for cause in causes)
    refusal = errors.BadRequest(f"the request's parameters are invalid: {words}", causes=causes)
    return refused(refusal, form_of(request))


def _step(part: str | int) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part}"


def form_of(request: Request) -> str:
    """Choose the form of a refusal; JSON when no acceptable form is available."""
    try:
        return chosen_form(request)
    except NotAcceptable:
        return JSON


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = error.status_code
    fallback = "BadRequest" if code < HTTPStatus.INTERNAL_SERVER_ERROR else "InternalError"
    status = failure(code, _REASONS.get(code, fallback), error.detail)
    return _answer(code, status, dict(error.headers or {}), form_of(request))


_HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    errors.DomainError: _on_refusal,
    RequestValidationError: _on_bad_parameter,
    HTTPException: _on_http_error,
}


async def _on_bug(request: Request, error: Exception) -> Response:
    """Answer an unexpected exception; the framework raises it again, so it is logged once."""
    code = HTTPStatus.INTERNAL_SERVER_ERROR.value
    message = (
        f"Internal error occurred: {type(error).__name__} while answering "
        f"{request.method} {request.url.path}"
    )
    return _answer(code, failure(code, "InternalError", message), {}, JSON)


def _answer(code: int, status: dict[str, object], headers: dict[str, str], form: str) -> Response:
    return Response(encoded(status, form), code, headers, media_type=form)
