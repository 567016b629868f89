"""The two forms of answers: JSON, and YAML for clients that accept nothing else.

    request -> form;  document, form -> bytes;  request -> whether gzip may be sent

Source: contract.md, "Objects"; RFC 9110 sections 12.4.2, 12.5.1 and 12.5.3; spec
kubernetes-api 5.8.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from fastapi import Request
from starlette.types import Scope

from app.domain.errors import DomainError
from app.schemas.documents.yaml_output import encode_yaml
from app.schemas.objects.codec import encode_json

JSON, YAML = "application/json", "application/yaml"
_JSON_RANGES = frozenset({"*/*", "application/*", JSON})
_JSON_ALONE = _JSON_RANGES - {"*/*"}
_TEXT_RANGES = frozenset({"*/*", "text/*", "text/plain"})
_YAML_RANGES = frozenset({YAML, "application/x-yaml", "application/yml", "text/yaml"})
_HTML = "text/html"
_GZIP = ("gzip", "x-gzip")  # two names of one coding (RFC 9110 section 8.4.1.3)
_QUALITY = re.compile(r"q=([01](?:\.[0-9]{0,3})?)")
_PREFERENCES_REMEMBERED_MAX = 64  # texts of preferences: clients send very few
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


def prefers_html(request: Request) -> bool:
    """Whether a page is asked for, as browsers do, rather than a document for programs."""
    qualities = _qualities(request.scope, b"accept")
    html = qualities.get(_HTML, 0.0)
    return html > 0 and all(html >= qualities.get(form, 0.0) for form in (JSON, YAML))


def accepts_gzip(scope: Scope) -> bool:
    """Whether the client accepts gzip, at least as gladly as no coding."""
    qualities = _qualities(scope, b"accept-encoding")
    named = [qualities[name] for name in _GZIP if name in qualities]
    gzip = max(named, default=qualities.get("*", 0.0))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _qualities(scope: Scope, field: bytes) -> Mapping[str, float]:
    """Read what a field of preferences lists, without case, and how much each is wanted."""
    listed = [value for name, value in scope["headers"] if name == field]
    return _parsed(b",".join(listed).decode("latin-1")) if listed else {}


@lru_cache(maxsize=_PREFERENCES_REMEMBERED_MAX)
def _parsed(text: str) -> Mapping[str, float]:
    """Parse qualities: from 0, for what is not accepted or has a malformed one, to 1."""
    found: dict[str, float] = {}
    for part in text.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        given = [each.replace(" ", "") for each in parameters if each.startswith("q")]
        parsed = _QUALITY.fullmatch(given[0]) if given else None
        quality = float(parsed[1]) if parsed else float(not given)
        found[name] = min(quality, 1.0)
    return found


def _accepted(request: Request) -> frozenset[str]:
    # Of several fields the first counts.
    fields = request.scope["headers"]
    return _ranges(next((value for name, value in fields if name == b"accept"), b""))


@lru_cache(maxsize=_PREFERENCES_REMEMBERED_MAX)
def _ranges(accepted: bytes) -> frozenset[str]:
    """List what is accepted, without parameters."""
    parts = accepted.decode("latin-1").split(",")
    return frozenset(part.partition(";")[0].strip().lower() for part in parts) - {""}


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
