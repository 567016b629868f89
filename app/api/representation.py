"""How objects leave: JSON or YAML, with an entity tag, and warnings in headers.

    object, request -> Response

Source: contract.md, "Objects"; RFC 9110 sections 8.8.3 and 12.5.1; spec kubernetes-api 1.6.
"""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from fastapi import Request, Response

from app.api.errors import NotAcceptable
from app.domain.objects.kinds import Object
from app.schemas.codec import encode_bytes, encode_json, encode_object
from app.schemas.yaml_output import encode_yaml

JSON, YAML = "application/json", "application/yaml"
_JSON_RANGES = frozenset({"*/*", "application/*", JSON})
_YAML_RANGES = frozenset({YAML, "application/x-yaml", "application/yml", "text/yaml"})
_WARNING_CHARACTERS_MAX = 512
_WARNINGS_MAX = 64  # headers; more unknown fields than that are counted, not listed


def answer(
    request: Request,
    document: Mapping[str, object],
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a document in the form the client accepts."""
    if chosen_form(request) == YAML:
        # Through JSON, in which words and times are texts like any other.
        body = encode_yaml(json.loads(encode_json(document)))
        return Response(body, status, headers, media_type=YAML)
    return Response(encode_json(document), status, headers, media_type=JSON)


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
    if request.method == "GET" and tag in entity_tags(request, "if-none-match"):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=all_headers)
    if chosen_form(request) == YAML:
        return answer(request, encode_object(registered), status=status, headers=all_headers)
    return Response(encode_bytes(registered), status, all_headers, media_type=JSON)


def etag(registered: Object) -> str:
    """Give the strong entity tag: the revision of the last change."""
    return f'"{registered.metadata.revision}"'


def entity_tags(request: Request, header: str) -> tuple[str, ...]:
    """Read a list of entity tags; ``*`` stands for itself."""
    listed = ",".join(request.headers.getlist(header))
    return tuple(tag.strip().removeprefix("W/") for tag in listed.split(",") if tag.strip())


def chosen_form(request: Request) -> str:
    """Choose JSON unless only YAML is accepted; raises NotAcceptable when neither is."""
    accepted = request.headers.get("accept", "")
    ranges = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    if not accepted or ranges & _JSON_RANGES:
        return JSON
    if ranges & _YAML_RANGES:
        return YAML
    raise NotAcceptable(f"only the following media types are accepted: {JSON}, {YAML}")


def warn(response: Response, warnings: Iterable[str]) -> Response:
    """Put warnings in ``Warning`` headers, each once, as RFC 7234 section 5.5 quotes them."""
    listed = list(dict.fromkeys(warnings))
    if len(listed) > _WARNINGS_MAX:
        hidden = len(listed) - _WARNINGS_MAX
        listed = [*listed[:_WARNINGS_MAX], f"{hidden} more warnings are not listed"]
    for warning in listed:
        response.headers.append("Warning", f'299 - "{_quoted(warning)}"')
    return response


def _quoted(text: str) -> str:
    printable = "".join(
        letter if letter.isprintable() and letter.isascii() else "?" for letter in text
    )
    return printable[:_WARNING_CHARACTERS_MAX].replace("\\", "\\\\").replace('"', '\\"')
