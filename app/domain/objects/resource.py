"""The base of every object, and the description of a kind.

    RESOURCE of a kind: names, scope, status fields, fields of selectors, index terms

A kind is declared once here and once in each layer above: its rules are its STRATEGY
(``app.domain.registration``), its wire shape its WIRE (``app.schemas.objects``).
``app.domain.resources`` lists every kind.

Source: style.md 2; docs/decisions/0016.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from typing import Any, Generic, TypeVar

from app.domain.objects.meta import ObjectMeta

_WORD_ENDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Term = tuple[str, ...]
"""An entry of the snapshot's index: a family of terms, then the values of the term."""

Values = tuple[str, ...]
"""The value of a field, or all values of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """The base of objects of every kind."""

    metadata: ObjectMeta


T = TypeVar("T", bound=Object)


@dataclass(frozen=True, kw_only=True)
class Field(Generic[T]):
    """A field that ``fieldSelector`` may name.

    Addresses are compared in canonical form.  ``index`` is the family of index terms that
    lists the objects with each value, if there is one.
    """

    values: Callable[[T], Values]
    is_address: bool = False
    index: str = ""


METADATA_NAME: Mapping[str, Field[Any]] = {
    "metadata.name": Field[Object](values=lambda found: (found.metadata.name,)),
}
METADATA_FIELDS: Mapping[str, Field[Any]] = {
    **METADATA_NAME,
    "metadata.namespace": Field[Object](values=lambda found: (found.metadata.namespace,)),
}


def truth(*, value: bool) -> Values:
    """Write a boolean field as selectors do."""
    return ("true" if value else "false",)


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource(Generic[T]):
    """A kind: ``name`` is the wire's ``kind``, ``plural`` its word in paths.

    ``status_fields`` are attributes that only status reports change; they do not increase the
    generation.  ``counts_labels`` makes labels increase it, for a kind without a spec.
    ``own_finalizers`` are removed by the registry itself.  ``endpoints`` counts the endpoints of
    an object, to estimate its size.  A kind that ``allocates`` has addresses and node ports that
    the store keeps unique: its index terms ``address`` and ``node-port``.  Objects of a kind that
    ``is_derived`` are computed from others, never written or stored.  Objects of a kind that
    ``is_internal`` are stored and logged like others, but only routes of their own show or write
    them: they are in no watch, apply, backup or metric.  ``subresources`` are the writable paths
    below an object.  A watch that names no kinds has those that are ``is_watched_by_default``.
    """

    name: str
    plural: str
    api_version: str
    type: type[T]
    is_namespaced: bool = True
    is_derived: bool = False
    is_internal: bool = False
    is_watched_by_default: bool = True
    allocates: bool = False
    short_names: tuple[str, ...] = ()
    status_fields: tuple[str, ...] = ()
    counts_labels: bool = False
    subresources: tuple[str, ...] = ()
    own_finalizers: frozenset[str] = frozenset()
    fields: Mapping[str, Field[Any]] = field(default_factory=lambda: METADATA_FIELDS)
    field_aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    index_terms: Callable[[T], Iterable[Term]] = lambda _: ()
    endpoints: Callable[[T], int] = lambda _: 0

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @cached_property
    def no_status(self) -> Mapping[str, Any]:
        """The status fields as they are in an object of which nothing is reported."""
        return {
            each.name: each.default if each.default_factory is MISSING else each.default_factory()
            for each in fields(self.type)
            if each.name in self.status_fields
        }

    @property
    def plural_name(self) -> str:
        """The plural of its name, ``Services``; in lower case it is ``plural``."""
        stem = self.name if self.plural.startswith(self.name.lower()) else self.name[:-1]
        return stem + self.plural[len(stem) :]

    @property
    def word(self) -> str:
        """Its name in operation ids, ``service_cidr``."""
        return _snake(self.name)

    @property
    def plural_word(self) -> str:
        """The plural of its name in operation ids, ``service_cidrs``."""
        return _snake(self.plural_name)


def _snake(name: str) -> str:
    return _WORD_ENDS.sub("_", name.removesuffix("s")).lower() + "s" * name.endswith("s")


AnyResource = Resource[Any]
"""Any kind."""
