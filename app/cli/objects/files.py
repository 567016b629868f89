"""The objects of files, as words of a command name objects.

Files -> manifests of kinds that are held here -> Named, Manifest
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.cli.fields import Json, mapping, mappings, text
from app.cli.manifests import Manifest, in_namespace, read_manifests, unreadable
from app.cli.objects.arguments import Named, named
from app.cli.output import print_warning
from app.cli.setup.contexts import current_context
from waypost.client.errors import Refused, refusal_of


@dataclass(frozen=True, slots=True)
class Files:
    """Where manifests are: files and folders, and a folder of kustomize."""

    names: tuple[str, ...] = ()
    is_recursive: bool = False
    kustomized: str = ""
    namespace: str = ""
    """The namespace of all objects; if it is empty, those that name none are in the context's."""

    def manifests(self) -> tuple[Manifest, ...]:
        """Read them; raises Unreadable."""
        built = []
        if self.kustomized:
            from app.cli.objects import kustomize  # noqa: PLC0415  rarely needed

            built = [kustomize.built(self.kustomized)]
        read = read_manifests(self.names, is_recursive=self.is_recursive, built=built)
        _require_kinds(read)
        usual = "" if self.namespace else current_context().namespace
        return tuple(
            in_namespace(each, self.namespace or ("" if each.namespace else usual)) for each in read
        )

    def held(self) -> Iterator[tuple[Named, Manifest]]:
        """Yield the objects of kinds that are held here; warns of others."""
        from app.schemas.documents.remarks import not_held_line  # noqa: PLC0415  slow to load

        for manifest in self.manifests():
            kind = manifest.kind
            if kind is None:
                words = (text(manifest.content, field) for field in ("kind", "apiVersion"))
                print_warning(f"{manifest.at('kind')}: {not_held_line(*words)}")
            elif not manifest.name:
                print_warning(f"{manifest.at('metadata.name')}: a name is missing")
            else:
                yield named(kind, manifest.namespace, manifest.name), manifest


def _require_kinds(manifests: Iterable[Manifest]) -> None:
    """Refuse mistyped kinds, which would be ignored; those of others are no mistake."""
    unknown = [each for each in manifests if each.kind is None]
    if not unknown:
        return
    from app.schemas.documents.remarks import kind_meant, not_held_line  # noqa: PLC0415  slow to load

    problems: list[str] = []
    for manifest in unknown:
        kind, version = (text(manifest.content, field) for field in ("kind", "apiVersion"))
        if version and kind_meant(kind, version):  # without one, the server refuses it
            problems.append(f"{manifest.at('kind')}: {not_held_line(kind, version)}")
    if problems:
        raise unreadable(f"{len(problems)} kinds are mistyped, nothing is done", problems)


def placed(refusal: Refused, manifest: Manifest) -> Refused:
    """Name file and line of every cause of a refusal."""
    message, causes = text(refusal.status, "message"), list[Json]()
    for cause in mappings(refusal.status, "details", "causes"):
        field, words = text(cause, "field"), text(cause, "message")
        where = _at(manifest, field)
        message = message.replace(f"{field}: {words}", f"{where}: {words}", 1)
        causes.append({**cause, "field": where})
    details = {**mapping(refusal.status, "details"), "causes": causes}
    led = message if causes else f"{manifest.place}: {message}"
    return refusal_of({**refusal.status, "message": led, "details": details}, code=refusal.code)


def _at(manifest: Manifest, path: str) -> str:
    return f"{manifest.at(path)}: {path}" if path else manifest.at(path)
