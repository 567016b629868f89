"""The objects that the words of a verb name, as kubectl reads them.

    svc | svc,po | all          -> kinds
    svc ent web | svc/ent po/x  -> named objects

Source: k8s.io/cli-runtime `pkg/resource/builder.go`, `ResourceTypeOrNameArgs`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from app.cli.kinds import ALL, KINDS_BY_NAME, OF_ALL, Kind, kind_named, object_path
from waypost.client.paths import DEFAULT_NAMESPACE

_MIXED = "there is no need to name a kind by itself when objects are named as KIND/NAME"


@dataclass(frozen=True, slots=True)
class Named:
    """One object, by its kind and name; ``namespace`` is empty for kinds without them."""

    kind: Kind
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """The path of the object."""
        return object_path(self.kind, self.namespace, self.name)

    @property
    def title(self) -> str:
        """What outcomes call it: ``service/ent``."""
        return f"{self.kind.name.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whole kinds, or named objects; never both."""

    kinds: tuple[Kind, ...] = ()
    named: tuple[Named, ...] = ()

    @property
    def has_several_kinds(self) -> bool:
        """Whether names alone would not tell objects apart."""
        return len(self.kinds or {each.kind for each in self.named}) > 1


def asked_by(words: Sequence[str], namespace: str = DEFAULT_NAMESPACE) -> Asked:
    """Parse words; raises BadParameter."""
    if not words:
        raise click.BadParameter("you must say which kind, such as svc; or an object, svc/ent")
    joined = [word for word in words if "/" in word]
    if joined and len(joined) < len(words):
        raise click.BadParameter(_MIXED)
    if joined:
        pairs = [_pair(word) for word in joined]
    else:
        kinds = kinds_of(words[0])
        if len(words) == 1:
            return Asked(kinds=kinds)
        pairs = [(kind, name) for kind in kinds for name in words[1:]]
    return Asked(named=tuple(dict.fromkeys(named(kind, namespace, name) for kind, name in pairs)))


def named(kind: Kind, namespace: str, name: str) -> Named:
    """Name an object; of a namespaced kind it is in the default namespace if none is given."""
    return Named(kind, (namespace or DEFAULT_NAMESPACE) if kind.is_namespaced else "", name)


def kinds_of(word: str) -> tuple[Kind, ...]:
    """Parse kinds that commas separate, or ``all``; raises BadParameter."""
    return tuple(dict.fromkeys(_kinds(part for part in word.split(",") if part)))


def _kinds(words: Iterable[str]) -> Iterable[Kind]:
    for word in words:
        if word.lower() == ALL:
            yield from (KINDS_BY_NAME[name] for name in OF_ALL)
        else:
            yield kind_named(word)


def _pair(word: str) -> tuple[Kind, str]:
    kind, _, name = word.partition("/")
    if not name or "/" in name:
        raise click.BadParameter(f"{word!r} is not KIND/NAME")
    return kind_named(kind), name
