"""HTTP surface of ``/apply``: a body of manifests, written as one.

    documents -> Items, and those of kinds not held -> ApplyResult

Source: contract.md, "POST /apply".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, NamedTuple, cast

from fastapi import APIRouter, Query, Request, Response

from app.api import errors as api_errors
from app.api.bodies import OBJECT_TYPES, STRICT, read_documents
from app.api.collections import DEFAULT_NAMESPACE, is_dry_run
from app.api.dependencies import RegistryOf
from app.api.errors import refusals
from app.api.manifests import Manifest, read_manifest, warnings_of
from app.api.mirrors import EndpointsManifest, is_endpoints, read_endpoints_manifest
from app.api.representation import answer, warn
from app.domain import errors
from app.domain.errors import CauseReason, Violation
from app.domain.label_queries import parse_selector
from app.domain.labels import Selector
from app.domain.names import NamespacedName, Revision
from app.domain.objects.kinds import KINDS_BY_NAME, POD, Kind
from app.registry.apply import Outcome, apply
from app.registry.work import Work
from app.schemas.apply import ApplyOperation, ApplyResult
from app.schemas.documents import Document
from app.schemas.queries import ApplyQuery
from app.schemas.remarks import not_held_line

router = APIRouter(tags=["apply"])

_BODY = {
    "requestBody": {
        "required": True,
        "description": "One object, a `List`, or a stream of YAML documents or JSON objects.",
        "content": {
            name: {"schema": {"type": "object", "additionalProperties": True}}
            for name in OBJECT_TYPES
        },
    }
}


@router.post(
    "/apply",
    operation_id="apply",
    response_model=ApplyResult,
    responses=refusals(
        errors.BadRequest,
        errors.Invalid,
        errors.NotSynced,
        errors.Unconfirmed,
        api_errors.BodyTooLarge,
        api_errors.Unsupported,
        api_errors.NotAcceptable,
    ),
    openapi_extra=_BODY,
)
async def apply_manifests(
    request: Request, query: Annotated[ApplyQuery, Query()], registry: RegistryOf
) -> Response:
    """Create or replace many objects as one write; all of them, or none."""
    documents = await read_documents(request)
    if not documents:
        raise errors.BadRequest("no objects passed to apply")
    prune = _prune(query)
    manifests, mirrors, ignored, refused = _sorted_out(request, documents, query)
    items = [manifest.item() for manifest in manifests]
    is_dry = is_dry_run(query.dry_run)

    def decide(work: Work) -> tuple[Sequence[Outcome], Revision]:
        before = work.snapshot.revision
        mirrored = [mirror.mirror() for mirror in mirrors]
        outcomes = apply(work, items, mirrors=mirrored, prune=prune, refused=refused)
        return outcomes, work.revision if work.changes() else before

    if not is_dry and not refused:
        await registry.leases.sign_on([item.key for item in items if item.kind == POD])
    outcomes, revision = await registry.writer.write(decide, dry_run=is_dry)
    shown = [_shown(outcome) for outcome in outcomes if outcome.position is not None]
    shown.extend(ignored)
    shown.sort(key=lambda entry: entry[0])
    pruned = [_shown(outcome) for outcome in outcomes if outcome.position is None]
    result = {
        "kind": "ApplyResult",
        "resourceVersion": str(revision),
        "dryRun": is_dry,
        "results": [entry for _, entry in (*shown, *pruned)],
    }
    return warn(answer(request, result), warnings_of((*manifests, *mirrors), outcomes))


class _SortedOut(NamedTuple):
    manifests: list[Manifest]
    mirrors: list[EndpointsManifest]
    ignored: list[tuple[int, dict[str, object]]]
    refused: list[tuple[int, Violation]]


def _sorted_out(request: Request, documents: Sequence[Document], query: ApplyQuery) -> "_SortedOut":
    """Tell the objects that are held here from the others, and from what is refused at sight.

    What is mistyped in them is noted for a refusal, of which it may be the reason.
    """
    manifests: list[Manifest] = []
    mirrors: list[EndpointsManifest] = []
    ignored: list[tuple[int, dict[str, object]]] = []
    refused: list[tuple[int, Violation]] = []
    field_validation = STRICT if query.strict else query.field_validation
    for position, document in enumerate(documents):
        kind = _kind_of(document.content)
        name, namespace = _names(document.content)
        if untyped := tuple(_untyped(position, document.content)):
            refused.extend((position, violation) for violation in untyped)
        elif is_endpoints(document.content):
            key = NamespacedName(namespace or DEFAULT_NAMESPACE, name)
            mirrors.append(read_endpoints_manifest(position, key, document, field_validation))
        elif kind is None:
            ignored.append((position, _ignored(document.content, namespace, name)))
        else:
            key = NamespacedName(
                (namespace or DEFAULT_NAMESPACE) if kind.is_namespaced else "", name
            )
            manifests.append(read_manifest(position, kind, key, document, field_validation))
            if _is_unnamed(document.content):
                refused.append((position, _unnamed(position)))
    if query.strict:
        refused.extend((position, _not_held(position, entry)) for position, entry in ignored)
    read = (*manifests, *mirrors)
    request.state.warnings = tuple(told for manifest in read for told in manifest.warnings())
    return _SortedOut(manifests, mirrors, ignored, refused)


def _prune(query: ApplyQuery) -> Selector | None:
    if not query.prune:
        return None
    if not query.label_selector.strip():
        cause = Violation(CauseReason.REQUIRED, "labelSelector", "must be given with prune")
        raise errors.BadRequest("prune needs a labelSelector", causes=(cause,))
    return parse_selector(query.label_selector)


def _kind_of(content: Mapping[str, object]) -> Kind | None:
    """Tell the kind of a document; None when it is not one of those held here."""
    kind = content.get("kind")
    found = KINDS_BY_NAME.get(kind) if isinstance(kind, str) else None
    return found if found is not None and content.get("apiVersion") == found.api_version else None


def _names(content: Mapping[str, object]) -> tuple[str, str]:
    match content.get("metadata"):
        case {"name": str(name), "namespace": str(namespace)}:
            return name, namespace
        case {"name": str(name)}:
            return name, ""
        case _:
            return "", ""


def _is_unnamed(content: Mapping[str, object]) -> bool:
    """Whether a document gives no name; one of the wrong type is refused as such."""
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return metadata is None
    return cast("dict[str, object]", metadata).get("name") in (None, "")


def _ignored(content: Mapping[str, object], namespace: str, name: str) -> dict[str, object]:
    kind = content.get("kind")
    kind_text = kind if isinstance(kind, str) else ""
    api_version = content.get("apiVersion")
    version_text = api_version if isinstance(api_version, str) else ""
    return {
        "apiVersion": version_text,
        "kind": kind_text,
        "namespace": namespace,
        "name": name,
        "operation": ApplyOperation.IGNORED.value,
        "message": not_held_line(kind_text, version_text),
    }


def _shown(outcome: Outcome) -> tuple[int, dict[str, object]]:
    return outcome.position or 0, {
        "apiVersion": outcome.kind.api_version,
        "kind": outcome.kind.name,
        "namespace": outcome.key.namespace,
        "name": outcome.key.name,
        "operation": outcome.operation.value,
        "message": outcome.message,
    }


def _untyped(position: int, content: Mapping[str, object]) -> Iterable[Violation]:
    """Refuse what does not say what it is: it may well be meant for here."""
    for field in ("apiVersion", "kind"):
        if not content.get(field):
            yield Violation(
                CauseReason.REQUIRED, f"documents[{position}].{field}", f"{field} is required"
            )


def _unnamed(position: int) -> Violation:
    field = f"documents[{position}].metadata.name"
    return Violation(CauseReason.REQUIRED, field, "name is required")


def _not_held(position: int, entry: Mapping[str, object]) -> Violation:
    return Violation(
        CauseReason.NOT_SUPPORTED, f"documents[{position}].kind", str(entry["message"])
    )
