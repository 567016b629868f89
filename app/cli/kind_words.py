"""The names of kinds on the command line, short ones included.

    "svc", "Service", "services", "service/ent" -> AnyResource and, maybe, a name

Source: spec kubernetes-api 5.13 for the short names.
"""

from collections.abc import Mapping
from urllib.parse import quote

import typer

from app.domain.objects.resource import AnyResource
from app.domain.resources import RESOURCES

KINDS_BY_WORD: Mapping[str, AnyResource] = {
    word: resource
    for resource in RESOURCES
    for word in (resource.name.lower(), resource.plural, *resource.short_names)
}


def kind_named(word: str) -> AnyResource:
    """Give the kind of a word; raises BadParameter for an unknown one."""
    kind = KINDS_BY_WORD.get(word.lower())
    if kind is None:
        names = {word for each in RESOURCES for word in (each.plural, *each.short_names)}
        known = ", ".join(sorted(names))
        raise typer.BadParameter(f"there is no kind {word!r}; there are {known}")
    return kind


def kind_and_name(word: str, name: str | None) -> tuple[AnyResource, str]:
    """Parse ``svc ent`` or ``svc/ent``; the name is empty when none is given."""
    kind_word, slash, joined = word.partition("/")
    if slash and name:
        raise typer.BadParameter(f"{word!r} already says the name; {name!r} is one too many")
    return kind_named(kind_word), joined or name or ""


def object_path(kind: AnyResource, namespace: str, name: str) -> str:
    """Give the path of one object, whose name may have letters that paths do not."""
    steps = (kind.plural, namespace, name) if kind.is_namespaced else (kind.plural, name)
    return "".join(f"/{quote(step, safe='')}" for step in steps)
