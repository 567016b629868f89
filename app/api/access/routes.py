"""The routes of the application, found by method and path, with their requirements.

    method, path -> Found(requirement, parameters) | path known, method not | nothing

Routes are found here once before the framework finds them: by the same patterns, of which only
those with as many segments and the same first one are tried.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from re import Pattern
from typing import Final

from starlette.routing import Route

from app.api.access.requirements import Requirement, requirement_of


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and the parameters in its path."""

    requirement: Requirement
    parameters: Mapping[str, str]


class UnknownMethod:
    """The path has routes, but none for the method."""


UNKNOWN_METHOD: Final = UnknownMethod()


@dataclass(frozen=True, slots=True)
class _Entry:
    paths: Pattern[str]
    methods: frozenset[str]
    requirement: Requirement


class Routes:
    """All routes of an application."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Take the routes; raises LookupError for one that states no requirement."""
        self._entries: defaultdict[tuple[str, int], list[_Entry]] = defaultdict(list)
        for route in routes:
            requirement = requirement_of(route.endpoint)
            if requirement is None:
                raise LookupError(f"the route {route.path} states no requirement")
            entry = _Entry(route.path_regex, frozenset(route.methods or ()), requirement)
            self._entries[_place(route.path)].append(entry)

    def find(self, method: str, path: str) -> Found | UnknownMethod | None:
        """Find the route of a request; None where there is no such path."""
        is_known = False
        for entry in self._entries.get(_place(path), ()):
            if (matched := entry.paths.match(path)) is not None:
                if method in entry.methods:
                    return Found(entry.requirement, matched.groupdict())
                is_known = True
        return UNKNOWN_METHOD if is_known else None


def _place(path: str) -> tuple[str, int]:
    """Give the first segment, which no route has as a parameter, and the number of segments."""
    return path.partition("/")[2].partition("/")[0], path.count("/")
