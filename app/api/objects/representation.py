"""Answers with objects: JSON or YAML, with an entity tag, and warnings in headers.

    object, request -> Response

Source: contract.md, "Objects"; RFC 9110 sections 8.8.3 and 12.5.1; spec kubernetes-api 1.6.
"""

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import accumulate

from fastapi import Request, Response

from app.api.http.content_negotiation import JSON, YAML, chosen_form, encoded, indented, is_pretty
from app.api.http.kept_answers import Ground, keep_while
from app.domain.errors import PreconditionFailed
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.resources import resource_of
from app.registry.writes.preconditions import Preconditions
from app.schemas.objects.codec import encode_object
from app.schemas.objects.encoding import ENCODER

ANY, _WEAK = "*", "W/"
_WARNING_CHARACTERS_MAX = 512  # of one warning
_WARNINGS_MAX = 64  # headers; further warnings are counted, not listed
_WARNINGS_CHARACTERS_MAX = 8_192  # of all: clients and proxies refuse headers of 16 KiB


def answer(
    request: Request,
    document: Mapping[str, object],
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a document in the form the client accepts."""
    form = chosen_form(request)
    body = encoded(document, form)
    return Response(shown(request, body, form), status, headers, media_type=form)


def shown(request: Request, body: bytes, form: str = JSON) -> bytes:
    """Indent JSON for a client that asks for it."""
    return indented(body) if form == JSON and is_pretty(request) else body


def answer_object(
    request: Request,
    registered: Object,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with an object and its entity tag, or 304 when the client has it."""
    tag = etag(registered)
    all_headers = {"ETag": tag, **(headers or {})}
    if request.method == "GET":
        _require_match(request, registered, tag)
        if {tag, ANY} & set(entity_tags(request, "if-none-match")):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=all_headers)
    if chosen_form(request) == YAML:
        return answer(request, encode_object(registered), status=status, headers=all_headers)
    body = shown(request, ENCODER.encode(registered))
    return Response(body, status, all_headers, media_type=JSON)


async def answer_read(request: Request, registered: Object) -> Response:
    """Answer with an object as ``answer_object`` does; YAML, which is slow, is made in a thread."""
    if chosen_form(request) == YAML:
        return await asyncio.to_thread(answer_object, request, registered)
    return answer_object(request, registered)


def lasting(
    request: Request,
    response: Response,
    ground: Ground,
    *,
    revision: Revision | None = None,
) -> Response:
    """Let an answer be kept as long as the state has all that it was made from.

    ``revision`` is that of the state, if the answer shows it as its ``resourceVersion``.
    """
    keep_while(request.scope, ground, revision=revision)
    return response


def etag(registered: Object) -> str:
    """Give the strong entity tag: the revision of the last change."""
    return f'"{registered.metadata.revision}"'


def entity_tags(request: Request, header: str) -> tuple[str, ...]:
    """Read a list of entity tags, compared weakly; ``*`` stands for itself."""
    return tuple(tag.removeprefix(_WEAK) for tag in _strong_tags(request, header))


def preconditions(request: Request) -> Preconditions:
    """Read the entity tags that a write wants, and those that it forbids."""
    wanted, forbidden = _strong_tags(request, "if-match"), entity_tags(request, "if-none-match")
    return Preconditions(
        etags=tuple(tag.strip('"') for tag in wanted),
        forbidden_etags=tuple(tag.strip('"') for tag in forbidden),
    )


def _require_match(request: Request, registered: Object, tag: str) -> None:
    asked = _strong_tags(request, "if-match")
    if asked and not {tag, ANY} & set(asked):
        kind, meta = resource_of(registered), registered.metadata
        raise PreconditionFailed(f"{kind.plural} {meta.key} is at {meta.revision}").about(
            kind.plural, meta.name
        )


def warn(response: Response, warnings: Iterable[str]) -> Response:
    """Put warnings in ``Warning`` headers, each once, as RFC 7234 section 5.5 quotes them."""
    if not (warnings := tuple(warnings)):
        return response
    texts = list(dict.fromkeys(_quoted(warning) for warning in warnings))
    sizes = accumulate(len(text) for text in texts[:_WARNINGS_MAX])
    count = sum(1 for size in sizes if size <= _WARNINGS_CHARACTERS_MAX)
    listed = texts[:count]
    if count < len(texts):
        listed.append(f"{len(texts) - count} more warnings are not listed")
    for text in listed:
        response.headers.append("Warning", f'299 - "{text}"')
    return response


def _quoted(text: str) -> str:
    printable = "".join(
        letter if letter.isprintable() and letter.isascii() else "?" for letter in text
    )
    return printable[:_WARNING_CHARACTERS_MAX].replace("\\", "\\\\").replace('"', '\\"')


def _strong_tags(request: Request, header: str) -> tuple[str, ...]:
    # Weak ones keep their mark, so that they match no object.
    name = header.encode()
    fields = [value for named, value in request.scope["headers"] if named == name]
    if not fields:
        return ()
    listed = b",".join(fields).decode("latin-1")
    return tuple(tag.strip() for tag in listed.split(",") if tag.strip())
