"""Writing objects of every kind.

    manifest -> create, replace, apply -> object          kind, name -> patch, delete

Source: contract.md, "Routes" and "POST /apply".
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast, overload

from waypost.client.errors import NotFound
from waypost.client.http.queries import JSON
from waypost.client.http.registry_client import MERGE_PATCH
from waypost.client.http.requests import Requests
from waypost.client.kinds import kind_of, kind_of_manifest
from waypost.client.paths import DEFAULT_NAMESPACE, key_of
from waypost.client.shapes import M, Object, T, text

if TYPE_CHECKING:
    from waypost.client.models import ApplyResult

JSON_PATCH: Final = "application/json-patch+json"
YAML: Final = "application/yaml"


class Writer:
    """Writes objects; every method raises WaypostError.

    ``dry_run`` does everything but the commit.  ``strict`` refuses unknown fields, of which a
    warning is logged otherwise.  ``namespace`` is of no account for kinds without namespaces.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    @overload
    async def create(
        self, manifest: Object, *, dry_run: bool = False, strict: bool = False
    ) -> Object: ...

    @overload
    async def create(self, manifest: M, *, dry_run: bool = False, strict: bool = False) -> M: ...

    async def create(
        self, manifest: Mapping[str, object], *, dry_run: bool = False, strict: bool = False
    ) -> Any:
        """Create an object; raises AlreadyExists."""
        path, query = kind_of_manifest(manifest).path, _writing(dry_run=dry_run, strict=strict)
        return await self._requests.ask("POST", path, manifest, query=query)

    @overload
    async def replace(
        self,
        manifest: Object,
        *,
        subresource: str = "",
        dry_run: bool = False,
        strict: bool = False,
    ) -> Object: ...

    @overload
    async def replace(
        self, manifest: M, *, subresource: str = "", dry_run: bool = False, strict: bool = False
    ) -> M: ...

    async def replace(
        self,
        manifest: Mapping[str, object],
        *,
        subresource: str = "",
        dry_run: bool = False,
        strict: bool = False,
    ) -> Any:
        """Replace an object; raises Conflict if it is no longer at the manifest's revision.

        A Pod, or a role, that does not exist is created.  ``subresource`` ``status`` replaces
        the status alone.
        """
        path = _below(kind_of_manifest(manifest).path_of(*key_of(manifest)), subresource)
        # With a revision, an answer that is lost would be followed by a Conflict with itself.
        is_repeatable = not text(manifest.get("metadata"), "resourceVersion")
        query = _writing(dry_run=dry_run, strict=strict)
        return await self._requests.ask(
            "PUT", path, manifest, query=query, is_repeatable=is_repeatable
        )

    async def patch(  # noqa: PLR0913  each parameter is an option
        self,
        kind: type[T] | str,
        name: str,
        changes: Mapping[str, object] | Sequence[Mapping[str, object]],
        *,
        namespace: str = DEFAULT_NAMESPACE,
        subresource: str = "",
        dry_run: bool = False,
        strict: bool = False,
    ) -> T:
        """Change parts of an object: a merge patch, or the operations of a JSON patch."""
        path = _below(kind_of(kind).path_of(namespace, name), subresource)
        is_merge = isinstance(changes, Mapping)
        found = await self._requests.ask(
            "PATCH",
            path,
            changes if is_merge else [*changes],
            query=_writing(dry_run=dry_run, strict=strict),
            content_type=MERGE_PATCH if is_merge else JSON_PATCH,
        )
        return cast("T", found)

    async def delete(  # noqa: PLR0913  each parameter is an option
        self,
        kind: type | str,
        name: str,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        missing_ok: bool = False,
        uid: str = "",
        grace_period_s: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete an object; raises NotFound unless ``missing_ok``, Conflict for another ``uid``.

        A Pod terminates for its grace period, or for ``grace_period_s``.
        """
        options = {"preconditions": {"uid": uid}} if uid else None
        query = {**_writing(dry_run=dry_run), "gracePeriodSeconds": grace_period_s}
        path = kind_of(kind).path_of(namespace, name)
        try:
            # Repeated after a lost answer, a deletion that succeeded would be NotFound.
            await self._requests.ask("DELETE", path, options, query=query, is_repeatable=missing_ok)
        except NotFound:
            if not missing_ok:
                raise

    async def apply(
        self,
        manifests: str | Mapping[str, object] | Sequence[Mapping[str, object]],
        *,
        prune: bool = False,
        label_selector: str = "",
        dry_run: bool = False,
        strict: bool = False,
    ) -> "ApplyResult":
        """Create or change objects, all or nothing, as ``kubectl apply`` does.

        A text is YAML or JSON with any number of documents.  ``prune`` deletes what
        ``label_selector`` selects and the manifests do not name.
        """
        query = {"prune": prune, "labelSelector": label_selector, "strict": strict}
        body: object = manifests
        if not isinstance(manifests, str | Mapping):
            body = {"apiVersion": "v1", "kind": "List", "items": [*manifests]}
        found = await self._requests.ask(
            "POST",
            "/apply",
            body,
            query={**query, **_writing(dry_run=dry_run)},
            content_type=YAML if isinstance(manifests, str) else JSON,
            is_repeatable=True,
        )
        return cast("ApplyResult", found)


def _writing(*, dry_run: bool, strict: bool = False) -> dict[str, str]:
    return {"dryRun": "All" if dry_run else "", "fieldValidation": "Strict" if strict else ""}


def _below(path: str, subresource: str) -> str:
    return f"{path}/{subresource}" if subresource else path
