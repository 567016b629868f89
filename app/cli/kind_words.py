"""The words a person uses for kinds, short ones among them.

    "svc", "Service", "services", "service/ent" -> Kind and, maybe, a name

Source: spec kubernetes-api 5.13 for the short names.
"""

import typer

from app.domain.objects.kinds import KINDS, Kind

SHORT_WORDS = {
    "svc": "Service",
    "po": "Pod",
    "no": "Node",
    "ns": "Namespace",
    "eps": "EndpointSlice",
}


def _words() -> dict[str, Kind]:
    known = {word: kind for kind in KINDS for word in (kind.name.lower(), kind.plural)}
    by_name = {kind.name: kind for kind in KINDS}
    return known | {word: by_name[name] for word, name in SHORT_WORDS.items()}


KINDS_BY_WORD = _words()


def kind_named(word: str) -> Kind:
    """Tell the kind a word stands for, or refuse the command line."""
    kind = KINDS_BY_WORD.get(word.lower())
    if kind is None:
        known = ", ".join(sorted({*(kind.plural for kind in KINDS), *SHORT_WORDS}))
        raise typer.BadParameter(f"there is no kind {word!r}; there are {known}")
    return kind


def kind_and_name(word: str, name: str | None) -> tuple[Kind, str]:
    """Read ``svc ent`` or ``svc/ent``; the name is empty when none is given."""
    kind_word, slash, joined = word.partition("/")
    if slash and name:
        raise typer.BadParameter(f"{word!r} already says the name; {name!r} is one too many")
    return kind_named(kind_word), joined or name or ""


def object_path(kind: Kind, namespace: str, name: str) -> str:
    """Give the path of one object."""
    return f"/{kind.plural}/{namespace}/{name}" if kind.is_namespaced else f"/{kind.plural}/{name}"
