"""Writes of single objects, as verbs make them.

object, patch | document -> PATCH, PUT or POST -> the object as it is afterwards
"""

from enum import StrEnum

from app.cli.client import Api
from app.cli.fields import Json, mapping
from app.cli.objects.arguments import Named
from app.cli.objects.lists import with_hint
from app.cli.options import DryRun
from waypost.client.errors import NotFound


class PatchType(StrEnum):
    """The languages of patches, as ``--type`` names them."""

    STRATEGIC = "strategic"
    MERGE = "merge"
    JSON = "json"

    @property
    def content_type(self) -> str:
        """The type of the body."""
        if self is PatchType.STRATEGIC:
            return "application/strategic-merge-patch+json"
        return f"application/{self.value}-patch+json"


def patched(  # noqa: PLR0913  what a patch has
    server: Api,
    target: Named,
    patch: object,
    *,
    type_: PatchType = PatchType.MERGE,
    dry_run: DryRun = DryRun.NONE,
    subresource: str = "",
) -> Json:
    """Patch an object; raises NotFound with the nearest names."""
    path = f"{target.path}/{subresource}" if subresource else target.path
    try:
        return server.ask(
            "PATCH", path, query=dry_run.query, body=patch, content_type=type_.content_type
        )
    except NotFound as missing:
        raise with_hint(server, missing, target) from None


def put(server: Api, target: Named, document: object, *, dry_run: DryRun = DryRun.NONE) -> Json:
    """Replace an object, or create it if it does not exist."""
    return server.ask("PUT", target.path, query=dry_run.query, body=document)


def posted(server: Api, target: Named, document: Json, *, dry_run: DryRun = DryRun.NONE) -> Json:
    """Create an object in the namespace of its name."""
    metadata = {**mapping(document, "metadata")}
    metadata.pop("resourceVersion", None)  # that of an object which is gone
    if target.namespace:
        metadata["namespace"] = target.namespace
    body = {**document, "metadata": metadata}
    return server.ask("POST", f"/{target.kind.plural}", query=dry_run.query, body=body)
