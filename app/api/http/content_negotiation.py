"""The two forms of answers: JSON, and YAML for clients that accept nothing else.

    request -> form;  document, form -> bytes

Source: contract.md, "Objects"; RFC 9110 section 12.5.1; spec kubernetes-api 5.8.
"""

import json
from collections.abc import Mapping

from fastapi import Request

from app.domain.errors import DomainError
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.objects.codec import encode_json

JSON, YAML = "application/json", "application/yaml"
_JSON_RANGES = frozenset({"*/*", "application/*", JSON})
_JSON_ALONE = _JSON_RANGES - {"*/*"}
_TEXT_RANGES = frozenset({"*/*", "text/*", "text/plain"})
_YAML_RANGES = frozenset({YAML, "application/x-yaml", "application/yml", "text/yaml"})
_TRUE = frozenset({"true", "1"})
_INDENT = 2  # spaces


class NotAcceptable(DomainError):
    """The client accepts none of the forms there are."""

    reason = "NotAcceptable"


def chosen_form(request: Request) -> str:
    """Choose JSON unless only YAML is accepted; raises NotAcceptable when neither is."""
    ranges = _accepted(request)
    if not ranges or ranges & _JSON_RANGES:
        return JSON
    if ranges & _YAML_RANGES:
        return YAML
    raise NotAcceptable(f"only the following media types are accepted: {JSON}, {YAML}")


def accepts_only_json(request: Request) -> bool:
    """Whether the client of a plain text resource accepts only JSON."""
    ranges = _accepted(request)
    return bool(ranges & _JSON_ALONE) and not ranges & _TEXT_RANGES


def _accepted(request: Request) -> set[str]:
    accepted = request.headers.get("accept", "")
    return {part.partition(";")[0].strip().lower() for part in accepted.split(",")} - {""}


def is_pretty(request: Request) -> bool:
    """Whether the client asks for indented JSON."""
    asks = b"pretty" in request.scope["query_string"]
    return asks and request.query_params.get("pretty") in _TRUE


def encoded(document: Mapping[str, object], form: str) -> bytes:
    """Write a document in a form."""
    if form == YAML:
        # Through JSON, where enumerations and times are plain strings.
        return encode_yaml(json.loads(encode_json(document)))
    return encode_json(document)


def indented(body: bytes) -> bytes:
    """Write JSON again with an indent."""
    return json.dumps(json.loads(body), indent=_INDENT, ensure_ascii=False).encode() + b"\n"
