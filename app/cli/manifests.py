"""The manifests in files, in folders and on the standard input.

    sources -> Manifest(content, position)

The parser is the server's own, so that an invalid file is refused here with its
name, line and column.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.failures import Unreadable
from app.cli.fields import mapping, text
from app.cli.kinds import KINDS_BY_NAME, Kind
from app.domain.errors import BadRequest

if TYPE_CHECKING:
    from app.cli.lines import Found, Lines
    from app.schemas.documents.read import MediaType, Origin

STDIN = "-"
PROBLEMS_MAX = 100  # lines of one refusal
SUFFIXES = (".yaml", ".yml", ".json")


def unreadable(summary: str, problems: Sequence[str]) -> Unreadable:
    """Make the error for problems with manifests: one alone, several below a summary."""
    if len(problems) == 1:
        return Unreadable(problems[0])
    shown = [*problems[:PROBLEMS_MAX]]
    if len(problems) > PROBLEMS_MAX:
        shown.append(f"and {len(problems) - PROBLEMS_MAX} more")
    return Unreadable(summary, shown)


@dataclass(frozen=True)
class Source:
    """The content of a file or of the standard input."""

    name: str
    body: bytes

    @cached_property
    def lines(self) -> "Lines":
        """The lines of its paths, computed when one is needed."""
        from app.cli.lines import lines_of  # noqa: PLC0415  slow to load, as in _manifests

        return lines_of(self.body.decode("utf-8-sig"), _media_of(self.name))

    @cached_property
    def repeats(self) -> "tuple[Found, ...]":
        """Every duplicate key, in the order of the text."""
        from app.cli.lines import repeats_of  # noqa: PLC0415

        return tuple(repeats_of(self.body.decode("utf-8-sig"), _media_of(self.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object as written in a file; ``place`` is the file, with the number of the object."""

    place: str
    content: dict[str, object]
    duplicates: tuple[str, ...] = ()
    source: Source
    origin: "Origin"

    def at(self, path: str) -> str:
        """Give file and line of a path of the object."""
        from app.cli.lines import nearest_line  # noqa: PLC0415

        within = ".".join(part for part in (self.origin.path, path) if part)
        line = nearest_line(self.source.lines, self.origin.value, within)
        return f"{self.source.name}:{line}"

    def repeated(self) -> Iterator[str]:
        """Word every duplicate key of the object, with the lines of both."""
        leads = (f"{self.origin.path}.", f"{self.origin.path}[") if self.origin.path else ("",)
        for repeat in self.source.repeats if self.duplicates else ():
            if repeat.number == self.origin.value and repeat.path.startswith(leads):
                path = repeat.path.removeprefix(self.origin.path).removeprefix(".")
                yield (
                    f"{self.source.name}:{repeat.line}: {path} is given again, "
                    f"after line {repeat.first}; the last one counts"
                )

    @property
    def kind(self) -> Kind | None:
        """The kind, or None when it is unknown here."""
        kind = KINDS_BY_NAME.get(text(self.content, "kind"))
        return kind if kind and kind.api_version == text(self.content, "apiVersion") else None

    @property
    def name(self) -> str:
        """The name of the object; may be empty."""
        return text(self.content, "metadata", "name")

    @property
    def namespace(self) -> str:
        """The namespace of the object; may be empty."""
        return text(self.content, "metadata", "namespace")


def read_manifests(
    sources: Iterable[str], *, is_recursive: bool = False, built: Iterable[Source] = ()
) -> tuple[Manifest, ...]:
    """Parse every object of every source, in order; raises Unreadable for the first bad source.

    ``built`` is what programs have made; files of folders in folders count if ``is_recursive``.
    """
    files = (file for source in sources for file in _files(source, is_recursive=is_recursive))
    contents = chain((Source(file, _content(file)) for file in files), built)
    found = tuple(manifest for source in contents for manifest in _manifests(source))
    if not found:
        raise Unreadable("there is no object in what was given")
    return found


def in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """Put an object that names no namespace into the given one."""
    kind = manifest.kind
    if not namespace or kind is None or not kind.is_namespaced:
        return manifest
    if manifest.namespace and manifest.namespace != namespace:
        raise Unreadable(
            f"{manifest.place}: it lies in the namespace {manifest.namespace}, not {namespace}"
        )
    metadata = {**mapping(manifest.content, "metadata"), "namespace": namespace}
    return replace(manifest, content={**manifest.content, "metadata": metadata})


def _files(source: str, *, is_recursive: bool) -> Iterator[str]:
    path = Path(source)
    if source == STDIN or not path.is_dir():
        yield source
        return
    found = path.rglob("*") if is_recursive else path.iterdir()
    inside = sorted(str(file) for file in found if file.suffix in SUFFIXES and file.is_file())
    if not inside:
        raise Unreadable(f"{source}: no {', '.join(SUFFIXES)} file is in this folder")
    yield from inside


def _content(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror or error}") from None


def _manifests(source: Source) -> Iterator[Manifest]:
    # The parser takes half a second to load, which verbs without files need not spend.
    from app.schemas.documents.read import parse_documents  # noqa: PLC0415

    file = source.name
    try:
        documents = parse_documents(source.body, _media_of(file))
    except BadRequest as error:
        raise Unreadable(f"{file}: {error.message}") from None
    for place, document in enumerate(documents):
        yield Manifest(
            place=f"{file}[{place}]" if len(documents) > 1 else file,
            content=document.content,
            duplicates=document.duplicates,
            source=source,
            origin=document.origin,
        )


def _media_of(file: str) -> "MediaType":
    from app.schemas.documents.read import MediaType  # noqa: PLC0415

    return MediaType.JSON if file.endswith(".json") else MediaType.YAML
