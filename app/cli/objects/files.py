"""The objects of files, as words of a command name objects.

    files -> manifests of kinds that are held here -> Named, Json

Slow to load, by the parser of manifests.
"""

from collections.abc import Iterable, Iterator

from app.cli.fields import text
from app.cli.kinds import Kind
from app.cli.manifests import Manifest, in_namespace, read_manifests
from app.cli.objects.arguments import Named, named
from app.cli.output import print_warning
from app.schemas.documents.remarks import not_held_line


def held_in(
    sources: Iterable[str], namespace: str, *, is_recursive: bool = False
) -> Iterator[tuple[Named, Manifest]]:
    """Yield the objects of files; warns of others, and raises Unreadable."""
    for read in read_manifests(sources, is_recursive=is_recursive):
        manifest = in_namespace(read, namespace)
        kind = manifest.kind
        if kind is None:
            words = (text(manifest.content, field) for field in ("kind", "apiVersion"))
            print_warning(f"{manifest.at('kind')}: {not_held_line(*words)}")
        elif not manifest.name:
            print_warning(f"{manifest.at('metadata.name')}: a name is missing")
        else:
            yield _named(kind, manifest), manifest


def named_in(
    sources: Iterable[str], namespace: str, *, is_recursive: bool = False
) -> tuple[Named, ...]:
    """Name the objects of files."""
    return tuple(each for each, _ in held_in(sources, namespace, is_recursive=is_recursive))


def _named(kind: Kind, manifest: Manifest) -> Named:
    return named(kind, manifest.namespace, manifest.name)
