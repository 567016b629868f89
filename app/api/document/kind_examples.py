"""Examples of every kind: a manifest, and the object that a registry makes of it.

    model -> manifest -> registered in a state of its own -> object

The objects are registered by the use cases of a server, in memory, so that they are what a
server would answer.  Of a kind without an example of its own, the examples of its fields are put
together.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeGuard, cast, get_args

from app.domain.access.minting import Minter
from app.domain.access.subjects import UNSECURED
from app.domain.access.tokens import RANDOM_CHARACTERS, TokenKind, make_token
from app.domain.names import Revision, Uid
from app.domain.objects.resource import Object
from app.domain.objects.token import TOKEN, Token
from app.domain.snapshot import load
from app.domain.work import Policy, Work
from app.registry.writes import lifecycle
from app.registry.writes.bootstrap import bootstrap
from app.registry.writes.tokens import issue
from app.schemas.base import Input
from app.schemas.issued_token import encode_issued
from app.schemas.objects.codec import decode_object
from app.schemas.objects.wire import Wire

NAME: Final = "ent"
NAMESPACE: Final = "default"
TOKEN_TEXT: Final = "wpu_…"  # noqa: S105  not the text of a token
_LETTERS: Final = "e" * RANDOM_CHARACTERS
_UID: Final = Uid("4b0a1bd2-6f0e-4c0a-9d3a-0c1c6a1e9b11")
_NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_BEFORE, _REVISION = Revision(41), Revision(42)
_HEAD: Final = frozenset({"apiVersion", "kind", "metadata"})

Document = dict[str, Any]


def manifest_of(wire: Wire) -> Document:
    """Give the manifest that is the example of a kind."""
    resource = wire.resource
    metadata = {"name": NAME, **({"namespace": NAMESPACE} if resource.is_namespaced else {})}
    parts = wire.model.example or {"metadata": metadata, **_parts_of(wire.model)}
    return {"apiVersion": resource.api_version, "kind": resource.name, **parts}


def registered(wire: Wire, manifest: Mapping[str, Any]) -> Object:
    """Register a manifest in a state of its own."""
    draft = decode_object(manifest).object
    if wire.resource.is_derived:
        meta = replace(draft.metadata, revision=_REVISION)
        return replace(draft, metadata=meta)
    if wire.resource is TOKEN:
        return _issued(_work(), draft)
    return lifecycle.create(_work(), draft)


def issued_token(wire: Wire) -> Document:
    """Give the answer to the creation of the example of a token."""
    draft = decode_object(manifest_of(wire)).object
    return encode_issued(_issued(_work(), draft), TOKEN_TEXT)


def _issued(work: Work, draft: Object) -> Token:
    text = make_token(TokenKind.USER, _LETTERS)
    return issue(work, Minter(user=UNSECURED), cast("Token", draft), text=text)


def _work() -> Work:
    work = Work(
        snapshot=load((), revision=_BEFORE),
        revision=_REVISION,
        now=_NOW,
        new_uid=lambda: _UID,
        policy=Policy(),
        cursors={},
    )
    bootstrap(work, with_dns=False)
    return work


def _parts_of(model: type[Input], *, is_whole: bool = True) -> Document:
    """Put the examples of fields together, and below a whole object those of its parts' fields."""
    parts: Document = {}
    for field in model.model_fields.values():
        part = next(filter(_is_model, get_args(field.annotation)), None)
        if field.examples:
            parts[field.alias or ""] = field.examples[0]
        elif is_whole and part is not None and (inner := _parts_of(part, is_whole=False)):
            parts[field.alias or ""] = inner
    return {name: part for name, part in parts.items() if name not in _HEAD}


def _is_model(hint: object) -> TypeGuard[type[Input]]:
    return isinstance(hint, type) and issubclass(hint, Input)
