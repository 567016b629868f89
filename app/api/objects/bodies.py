"""Reading of request bodies: JSON or YAML becomes drafts, with remarks on ignored fields.

    request -> document -> Draft(object, warnings)
    request -> Patch;  Patch, current object -> Draft

Reading is bounded, and strict or lenient about unknown fields by the client's
``fieldValidation``.  Source: contract.md, "Objects"; spec kubernetes-api 5.8.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Concatenate, Generic, ParamSpec, TypeVar

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.dependencies import registry_of
from app.api.errors import BodyTooLarge, Unsupported, refused
from app.domain.changes import octets_of
from app.domain.errors import BadRequest, DomainError
from app.domain.objects.resource import AnyResource, Object
from app.domain.resources import resource_of
from app.schemas.delete_options import decode_delete_options
from app.schemas.documents.read import (
    Document,
    MediaType,
    media_type,
    parse_document,
    parse_value,
)
from app.schemas.documents.remarks import Remarks, not_kept_line
from app.schemas.objects.codec import decode_object, encode_object
from app.schemas.objects.wires import require_short_lists
from app.schemas.patches.patch import PatchType, apply_patch
from app.schemas.queries import DeleteQuery
from app.telemetry.bounds import Bound, refusals

BODY_BYTES_MAX = 8 * 1024 * 1024
OBJECT_TYPES = (MediaType.JSON.value, MediaType.YAML.value)
PATCH_TYPES = tuple(kind.value for kind in PatchType)
STRICT, IGNORE = "Strict", "Ignore"
AT_ONCE_OCTETS_MAX = 8_192
"""Octets up to which a body is read in the event loop; a larger one is read in a thread."""
TYPE_CHARACTERS_MAX = 64  # of a Content-Type in a refusal
_ALIAS = b"*"  # a YAML alias may expand to much more text
_CODING, _IDENTITY = b"content-encoding", b"identity"
_LENGTH = b"content-length"


D = TypeVar("D")
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draft(Generic[D]):
    """An object as a client sent it, the name of its kind, and remarks on its document."""

    object: D
    kind: str
    remarks: Remarks
    is_silent: bool = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """List ignored fields, mistakes first; nothing when the client wants no warnings."""
        if self.is_silent:
            return ()
        return (*self.remarks.mistakes(), *not_kept_line(self.kind, self.remarks.not_kept))


@dataclass(slots=True)
class Patch:
    """A change to an object, in one of the three patch languages."""

    type: PatchType
    value: object
    duplicates: tuple[str, ...] = ()
    _made: tuple[Object, Draft[Object] | DomainError] | None = None

    def prepare(self, current: Object, field_validation: str) -> None:
        """Apply it to the current object ahead of the write, for which the result mostly holds."""
        try:
            document = apply_patch(self.type, encode_object(current), self.value)
            self._made = (
                current,
                drafted(
                    Document(document, self.duplicates), resource_of(current), field_validation
                ),
            )
        except DomainError as refusal:
            self._made = current, refusal

    def applied_to(self, current: Object, field_validation: str) -> Draft[Object]:
        """Apply the patch to ``current``.

        Raises Invalid when it does not fit, BadRequest when the result cannot be decoded.
        """
        if self._made is None or self._made[0] is not current:
            self.prepare(current, field_validation)
        assert self._made is not None
        made = self._made[1]
        if isinstance(made, DomainError):
            raise made
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """Options of a deletion, from the body, else from the query."""

    uid: str | None
    resource_version: str | None
    grace_s: int | None
    dry_run: str


async def read_draft(request: Request, kind: AnyResource, field_validation: str) -> Draft[Object]:
    """Read one object of a kind from the body."""
    draft = await read_body(request, _draft, media_of(request), kind, field_validation)
    request.state.warnings = draft.warnings  # for a possible refusal
    return draft


async def read_body(
    request: Request, read: Callable[Concatenate[bytes, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Receive the body and ``read`` it, in a thread where that may take long."""
    body = await request.body()
    if len(body) <= AT_ONCE_OCTETS_MAX and _ALIAS not in body:
        return read(body, *args, **kwargs)
    return await (await registry_of(request)).reading.run(read, body, *args, **kwargs)


async def read_patch(request: Request) -> Patch:
    """Read a patch; its language is the content type."""
    named = content_type(request).partition(";")[0].strip().lower()
    if named not in PATCH_TYPES:
        raise unsupported(request, PATCH_TYPES)
    parsed = await read_body(request, parse_value, MediaType.JSON)
    return Patch(PatchType(named), parsed.value, parsed.duplicates)


async def prepare(
    request: Request, patch: Patch, current: Object | None, field_validation: str
) -> None:
    """Apply a patch in a thread ahead of the write, if that may take long."""
    is_large = len(await request.body()) > AT_ONCE_OCTETS_MAX
    if current is not None and (is_large or octets_of(current) > AT_ONCE_OCTETS_MAX):
        lane = (await registry_of(request)).reading
        await lane.run(patch.prepare, current, field_validation)


async def read_options(request: Request, query: DeleteQuery) -> DeleteOptions:
    """Read the options of a deletion; raises BadRequest for wrong types in the body."""
    content: Mapping[str, object] = {}
    if await request.body():
        content = (await read_body(request, parse_document, media_of(request))).content
    sent = decode_delete_options(content)
    conditions = sent.preconditions
    grace_s = sent.grace_period_seconds
    return DeleteOptions(
        uid=None if conditions is None else conditions.uid,
        resource_version=None if conditions is None else conditions.resource_version,
        grace_s=query.grace_period_seconds if grace_s is None else max(0, grace_s),
        dry_run=sent.dry_run[0] if sent.dry_run else query.dry_run,
    )


def _draft(
    body: bytes, media: MediaType, kind: AnyResource, field_validation: str
) -> Draft[Object]:
    return drafted(parse_document(body, media), kind, field_validation)


def drafted(document: Document, kind: AnyResource, field_validation: str) -> Draft[Object]:
    """Decode a document; raises BadRequest for wrong types, and for unknown fields when strict."""
    require_short_lists(document.content, kind)
    decoded = decode_object(document.content, kind.name)
    remarks = Remarks(decoded.ignored_fields, document.duplicates)
    return draft_of(decoded.object, kind.name, remarks, field_validation)


def draft_of(object_: D, kind: str, remarks: Remarks, field_validation: str) -> Draft[D]:
    """Make a draft; raises BadRequest when validation is strict and there are remarks."""
    draft = Draft(object_, kind, remarks, is_silent=field_validation == IGNORE)
    if field_validation == STRICT and (causes := tuple(draft.remarks.violations())):
        raise BadRequest(f"strict decoding error: {', '.join(draft.warnings)}", causes=causes)
    return draft


def media_of(request: Request) -> MediaType:
    """Give the body's media type; raises Unsupported for one that is not supported."""
    found = media_type(content_type(request))
    if found is None:
        raise unsupported(request, OBJECT_TYPES)
    return found


def content_type(request: Request) -> str:
    """Give the Content-Type of a request, empty when it has none."""
    return request.headers.get("content-type", "")


def unsupported(request: Request, types: Iterable[str]) -> Unsupported:
    """Make the refusal of a body whose type a route does not read, or that has none."""
    named = content_type(request)[:TYPE_CHARACTERS_MAX]
    problem = f'was in an unknown format ("{named}")' if named else "has no Content-Type"
    return Unsupported(
        f"the body of the request {problem} - accepted media types include: {', '.join(types)}"
    )


class BodyLimit:
    """Refuse bodies above the bound, with or without Content-Length, and encoded ones.

    A compressed body may expand to any size, and no client of Kubernetes compresses.
    """

    def __init__(self, app: ASGIApp, *, bytes_max: int = BODY_BYTES_MAX) -> None:
        self._app = app
        self._bytes_max = bytes_max

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Count received octets, and refuse at the bound."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        declared = b"0"
        for name, value in scope["headers"]:
            if name == _CODING and value.strip().lower() != _IDENTITY:
                return _encoded_otherwise()(scope, receive, send)
            if name == _LENGTH:
                declared = value
        if declared.isdigit() and int(declared) > self._bytes_max:
            return refused(self._too_large())(scope, receive, send)
        received_bytes = 0

        async def counted() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._bytes_max:
                raise self._too_large()
            return message

        return self._app(scope, counted, send)

    def _too_large(self) -> BodyTooLarge:
        refusals[Bound.BODY] += 1
        return BodyTooLarge(f"the body of the request has more than {self._bytes_max} bytes")


def _encoded_otherwise() -> Response:
    words = "the body of the request has a Content-Encoding: send it as it is"
    response = refused(Unsupported(words))
    response.headers["Accept-Encoding"] = _IDENTITY.decode()  # RFC 9110 section 15.5.16
    return response
