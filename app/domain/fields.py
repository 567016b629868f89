r"""The ``fieldSelector`` of a query: conditions on the values of fields.

    "spec.type=NodePort,metadata.name!=web", kind -> FieldSelector
    FieldSelector, object -> matches or not

Each kind offers a few paths; the others are refused.  A backslash escapes
``\``, ``,`` and ``=`` in values.  Source: spec kubernetes-api 4.4.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.addresses import canonical, parse_address
from app.domain.errors import BadRequest
from app.domain.objects.resource import AnyResource, Object
from app.domain.resources import resource_of

_SIGNS = ("!=", "==", "=")
_PART = re.compile(r"(?:[^\\,]|\\.?)+", re.DOTALL)  # an escaped comma does not end it
_ESCAPE = re.compile(r"\\([\\,=])")
_RESERVED = re.compile(r"[\\=]")


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """One condition: ``operator`` is ``=`` or ``!=``."""

    field: str
    operator: str
    value: str

    def matches(self, registered: Object) -> bool:
        """Whether the object's field has the value, or for ``!=`` does not have it."""
        field = resource_of(registered).fields[self.field]
        value = canonical(self.value) if field.is_address else self.value
        return (value in field.values(registered)) == (self.operator == "=")


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Conditions that must all hold; without any, every object matches."""

    terms: tuple[Term, ...] = ()

    def matches(self, registered: Object) -> bool:
        """Whether an object of the selector's kind meets every condition."""
        return all(term.matches(registered) for term in self.terms)

    def index_terms(self, resource: AnyResource) -> Iterator[tuple[str, ...]]:
        """List entries of the snapshot's index that each contain every match."""
        for term in self.terms:
            field = resource.fields[term.field]
            if term.operator != "=" or not term.value:
                continue
            if term.field == "metadata.namespace":
                yield (resource.name, term.value)
            elif field.index and not field.is_address:
                yield (field.index, term.value)
            elif field.index and parse_address(term.value) is not None:
                yield (field.index, canonical(term.value))


def parse_field_selector(text: str, resource: AnyResource) -> FieldSelector:
    """Parse a selector for objects of a kind, with its terms sorted.

    Raises BadRequest for a syntax error and for a path that the kind does not offer.
    """
    terms = {_parse_term(part, text, resource) for part in _PART.findall(text)}
    return FieldSelector(tuple(sorted(terms)))


def _parse_term(part: str, text: str, resource: AnyResource) -> Term:
    places = [(part.find(sign), -len(sign), sign) for sign in _SIGNS if sign in part]
    if not places:
        raise BadRequest(f"invalid field selector {text!r}: can't understand {part!r}")
    place, _, sign = min(places)
    path = resource.field_aliases.get(part[:place], part[:place])
    if path not in resource.fields:
        raise BadRequest(f"field label not supported: {path!r} of a {resource.name}")
    value = _unescaped(part[place + len(sign) :], text)
    return Term(path, "!=" if sign == "!=" else "=", value)


def _unescaped(value: str, text: str) -> str:
    offence = _RESERVED.search(_ESCAPE.sub("", value))
    if offence is not None:
        why = "invalid escape sequence" if offence[0] == "\\" else "'=' in a value must be escaped"
        raise BadRequest(f"invalid field selector {text!r}: {why}")
    return _ESCAPE.sub(r"\1", value)
