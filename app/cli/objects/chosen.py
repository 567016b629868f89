"""The objects that a verb changes: by name, by selectors, all of a kind, or those of files.

    words and options -> Choice -> the objects, each with what is known of it

Source: k8s.io/cli-runtime `pkg/resource/builder.go`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from app.cli.client import Api
from app.cli.fields import Json, mappings, text
from app.cli.kinds import Kind
from app.cli.objects.arguments import Asked, Named, asked_by, named
from app.cli.objects.lists import Scope, listed
from app.cli.options import (
    after_tab,
    all_namespaces_option,
    field_selector_option,
    given_namespace,
    kustomize_option,
    namespace_option,
    recursive_option,
    selector_option,
)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """An object; what a list or a file says of it, if it is of one."""

    named: Named
    listed: Json | None = None
    stated: Json | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The words and options that choose objects."""

    words: tuple[str, ...]
    namespace: str
    is_everywhere: bool
    labels: str
    fields: str
    is_every: bool
    files: tuple[str, ...]
    is_recursive: bool
    kustomized: str

    @property
    def selects(self) -> bool:
        """Whether objects are selected among those of their kinds."""
        return bool(self.labels or self.fields or self.is_every)

    @property
    def has_whole_kinds(self) -> bool:
        """Whether kinds are named without objects of them."""
        return len(self.words) == 1 and "/" not in self.words[0]

    @property
    def has_files(self) -> bool:
        """Whether objects of files are chosen."""
        return bool(self.files or self.kustomized)

    def targets(self, server: Api) -> list[Target]:
        """Find the objects; raises BadParameter for a choice that is none."""
        if self.has_files:
            if self.words:
                raise click.BadParameter("say either kinds and names, or files with -f")
            return list(self._of_files())
        asked = self._asked()
        if asked.named:
            return [Target(each) for each in asked.named]
        return [target for kind in asked.kinds for target in self._listed(server, kind)]

    def _asked(self) -> Asked:
        asked = asked_by(self.words, self.namespace)
        if asked.named and (self.selects or self.is_everywhere):
            raise click.BadParameter("a name and a selection of many exclude each other")
        if asked.kinds and not self.selects:
            plurals = " and ".join(kind.plural for kind in asked.kinds)
            raise click.BadParameter(
                f"which of the {plurals}? Name them, select some with -l, or say --all"
            )
        return asked

    def _listed(self, server: Api, kind: Kind) -> Iterator[Target]:
        scope = Scope(self.namespace, self.is_everywhere, self.labels, self.fields)
        for each in mappings(listed(server, kind, scope), "items"):
            namespace, name = (text(each, "metadata", key) for key in ("namespace", "name"))
            yield Target(named(kind, namespace, name), listed=each)

    def _of_files(self) -> Iterator[Target]:
        from app.cli.objects.files import Files  # noqa: PLC0415  manifests are slow to load

        files = Files(
            self.files, self.is_recursive, self.kustomized, given_namespace(self.namespace)
        )
        for each, manifest in files.held():
            yield Target(each, stated=manifest.content)


words_argument = click.argument(
    "words",
    metavar="[KIND[,KIND] [NAME]... | KIND/NAME...]",
    nargs=-1,
    shell_complete=after_tab("words_completed"),
    help="svc ent, svc/ent po/x, or svc with -l or --all.",
)
"""The words of a verb with a choice."""


def choice_options(function: F) -> F:
    """Add the options that choose objects, as the parameter ``choice``; words are its ``words``."""

    @wraps(function)
    def packed(  # noqa: PLR0913  one for each option
        *arguments: Any,  # noqa: ANN401  those of the verb
        words: Sequence[str],
        namespace: str,
        all_namespaces: bool,
        selector: str,
        field_selector: str,
        every: bool,
        files: Sequence[str],
        recursive: bool,
        kustomize: str,
        **others: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        choice = Choice(
            tuple(words),
            namespace,
            all_namespaces,
            selector,
            field_selector,
            every,
            tuple(files),
            recursive,
            kustomize,
        )
        return function(*arguments, choice=choice, **others)

    made: Any = packed
    for option in reversed(_OPTIONS):
        made = option(made)
    return made


_OPTIONS = (
    namespace_option(),
    all_namespaces_option,
    selector_option,
    field_selector_option,
    click.option("--all", "every", is_flag=True, help="Every object of the kind."),
    click.option("--filename", "-f", "files", multiple=True, metavar="FILE", help="Of manifests."),
    recursive_option,
    kustomize_option,
)
