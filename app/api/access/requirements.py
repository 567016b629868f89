"""The attributes that a caller needs for each route, stated beside the route.

    route, method, path, query -> Attributes, all of which must be allowed

A route states them with ``requires``; an application with a route that states nothing is refused.
Attributes come from the parameters that the route itself reads, never from parsing the path again.
A route whose body names its objects states ``by_body``, and checks the rest itself
(``named_objects``).

Source: access.md 2.1 and 2.4; apiserver ``pkg/endpoints/request/requestinfo.go``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from starlette.datastructures import QueryParams

from app.domain.access.attributes import Attributes
from app.domain.errors import BadRequest
from app.domain.fields import FieldSelector, parse_field_selector
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.resource import AnyResource
from app.registry.reads.ordering import EVERY_FIELD

_VERBS: Final[Mapping[str, str]] = {
    "GET": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NOT_WATCHING: Final = frozenset({"", "false", "0"})
_LIMITED: Final = frozenset({"true", "1"})
_NAME: Final = "metadata.name"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as its route reads it; HEAD has become GET."""

    method: str
    path: str
    parameters: Mapping[str, str]
    query: QueryParams


Requirement = Callable[[Asked], Iterable[Attributes]]
"""Lists the attributes that must be allowed; never raises: invalid requests are refused later."""

_stated: WeakKeyDictionary[Callable[..., Any], Requirement] = WeakKeyDictionary()


def requires(requirement: Requirement) -> Callable[[Endpoint], Endpoint]:
    """State the attributes that a route needs."""

    def state(endpoint: Endpoint) -> Endpoint:
        _stated[endpoint] = requirement
        return endpoint

    return state


def requirement_of(endpoint: Callable[..., Any]) -> Requirement | None:
    """Give the requirement of a route; None if it states none."""
    return _stated.get(endpoint)


def by_body(_: Asked) -> Iterable[Attributes]:
    """Ask only for an authenticated caller: the route checks the objects that its body names."""
    return ()


def path_itself(asked: Asked) -> Iterable[Attributes]:
    """Ask for the path, which is no resource."""
    yield Attributes(verb=asked.method.lower(), path=asked.path)


def objects_of(resource: AnyResource, subresource: str = "", *, verb: str = "") -> Requirement:
    """Ask for an object of the path, or for a whole collection, by the method or a fixed verb."""

    def requirement(asked: Asked) -> Iterable[Attributes]:
        name = asked.parameters.get("name", "")
        if not name and asked.method == "GET":
            if not is_limited(resource, asked.query):
                yield collection(resource, asked.query)
            return
        yield Attributes(
            verb=verb or _VERBS[asked.method],
            api_group=resource.group,
            resource=resource.plural,
            subresource=subresource,
            namespace=_namespace_of(resource, asked.parameters.get("namespace", ""), name),
            name=name,
        )

    return requirement


def collection(resource: AnyResource, query: QueryParams) -> Attributes:
    """Ask for a list or a watch, of one object if a field selector names it exactly."""
    watches = query.get("watch", "").lower() not in _NOT_WATCHING
    return objects_in(
        resource,
        "watch" if watches else "list",
        namespace=query.get("namespace", ""),
        fields=_fields(query.get("fieldSelector", ""), resource),
    )


def objects_in(
    resource: AnyResource,
    verb: str,
    *,
    namespace: str = "",
    fields: FieldSelector = EVERY_FIELD,
) -> Attributes:
    """Ask for the objects of a namespace, or of all, that a field selector leaves.

    The selector must be the one that the route applies: it narrows what is asked for.
    """
    exact = {term.field: term.value for term in fields.terms if term.operator == "="}
    name = exact.get(_NAME, "")
    return Attributes(
        verb=verb,
        api_group=resource.group,
        resource=resource.plural,
        namespace=namespace if resource.is_namespaced else "",
        name="" if "/" in name else name,
        field_selector=exact,
    )


def is_limited(resource: AnyResource, query: QueryParams) -> bool:
    """Whether a list or watch is limited to the namespaces that its caller may see.

    Its route then finds them.
    """
    is_wanted = query.get("visible", "").lower() in _LIMITED
    return is_wanted and resource.is_namespaced and not query.get("namespace", "")


def _namespace_of(resource: AnyResource, namespace: str, name: str) -> str:
    """Give the namespace of an object; a Namespace is its own, so that a Role there can name it."""
    return name if resource is NAMESPACE else namespace


def _fields(text: str, resource: AnyResource) -> FieldSelector:
    """Read a field selector; one that the route will refuse narrows nothing."""
    try:
        return parse_field_selector(text, resource)
    except BadRequest:
        return EVERY_FIELD
