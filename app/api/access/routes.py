"""The routes of the application, found by method and path, with their requirements.

    method, path -> Found(requirement, parameters, names in a query) | method unknown | nothing

A route is found here, once for each request and all that ask for it: access, parameters, methods
and dispatch.  It is found by the framework's patterns, of which only those with as many segments
and the same first one are tried.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from re import Pattern
from typing import Final, cast, get_args, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.routing import Route
from starlette.types import Scope

from app.api.access.requirements import Requirement, requirement_of

COMMON: Final = frozenset({"pretty", "timeout"})
"""Parameters of every route: Kubernetes' clients send ``timeout``, the time they wait, with any
request; it is accepted and ignored."""

_FOUND: Final = "waypost.found"  # key of a request's scope
_QUERY: Final = "waypost.query"
_NO_QUERY: Final = QueryParams()


@dataclass(frozen=True, slots=True)
class Found:
    """A route, the parameters in its path, and the names of those it may have in a query.

    Those that are lists may be there several times.
    """

    route: Route
    requirement: Requirement
    parameters: Mapping[str, str]
    query_names: frozenset[str]
    list_names: frozenset[str] = frozenset()


class UnknownMethod:
    """The path has routes, but none for the method."""


UNKNOWN_METHOD: Final = UnknownMethod()


@dataclass(frozen=True, slots=True)
class _Entry:
    route: Route
    paths: Pattern[str]
    methods: frozenset[str]
    requirement: Requirement
    query_names: frozenset[str]
    list_names: frozenset[str]


class Routes:
    """All routes of an application."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Take the routes; raises LookupError for one that states no requirement."""
        self._entries: defaultdict[tuple[str, int], list[_Entry]] = defaultdict(list)
        for route in routes:
            requirement = requirement_of(route.endpoint)
            if requirement is None:
                raise LookupError(f"the route {route.path} states no requirement")
            methods, names = frozenset(route.methods or ()), query_names_of(route)
            lists = list_names_of(route)
            entry = _Entry(route, route.path_regex, methods, requirement, names, lists)
            self._entries[_place(route.path)].append(entry)
        entries = [each for listed in self._entries.values() for each in listed]
        self.methods = frozenset(method for each in entries for method in each.methods)
        self.first_segments = frozenset(first for first, _ in self._entries if first)

    def found(self, scope: Scope) -> Found | UnknownMethod | None:
        """Give the route of a request, that of GET for HEAD; None where there is no such path."""
        if _FOUND not in scope:
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            scope[_FOUND] = self.find(method, scope["path"])
        return cast("Found | UnknownMethod | None", scope[_FOUND])

    def find(self, method: str, path: str) -> Found | UnknownMethod | None:
        """Find the route of a request; None where there is no such path."""
        is_known = False
        for entry in self._entries.get(_place(path), ()):
            if (matched := entry.paths.match(path)) is not None:
                if method in entry.methods:
                    return Found(
                        entry.route,
                        entry.requirement,
                        matched.groupdict(),
                        entry.query_names,
                        entry.list_names,
                    )
                is_known = True
        return UNKNOWN_METHOD if is_known else None

    def methods_of(self, path: str) -> frozenset[str]:
        """Give the methods that the routes of a path declare; none where there is no such path."""
        found: set[str] = set()
        for entry in self._entries.get(_place(path), ()):
            if entry.paths.match(path):
                found |= entry.methods
        return frozenset(found)


def _place(path: str) -> tuple[str, int]:
    """Give the first segment, which no route has as a parameter, and the number of segments."""
    return path.partition("/")[2].partition("/")[0], path.count("/")


def query_of(scope: Scope) -> QueryParams:
    """Give the query of a request, parsed once."""
    if _QUERY not in scope:
        octets = scope["query_string"]
        scope[_QUERY] = QueryParams(octets) if octets else _NO_QUERY
    return cast("QueryParams", scope[_QUERY])


def query_names_of(route: Route) -> frozenset[str]:
    """Collect the parameters that a route knows."""
    return COMMON.union(name for name, _ in _declared_by(route))


def list_names_of(route: Route) -> frozenset[str]:
    """Collect the parameters of a route that are lists."""
    return frozenset(name for name, hint in _declared_by(route) if may_be_list(hint))


def _declared_by(route: Route) -> Iterator[tuple[str, object]]:
    if isinstance(route, APIRoute):
        yield from _declared(route.dependant)


def may_be_list(hint: object) -> bool:
    """Whether a parameter of a type may be a list."""
    return get_origin(hint) is list or any(map(may_be_list, get_args(hint)))


def _declared(dependant: Dependant) -> Iterator[tuple[str, object]]:
    """Give the names and types of parameters."""
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = model.model_fields.items()
            yield from ((field.alias or name, field.annotation) for name, field in fields)
        else:
            yield parameter.alias, model
    for each in dependant.dependencies:
        yield from _declared(each)
