"""A call of a route's function, with what its signature declares.

    signature, once -> Call        Call, request -> the function's answer, or 400

The framework derives the document from the same signature.  It also would read the parameters of
every request by it, deciding each time anew what a signature says; a Call has decided that when it
was made.  It knows only what our routes declare: texts in a path, a model or values with a default
in a query, the request, and functions that are given these.  A signature that asks for more is
refused at the start.

A test compares its answers with those of the framework.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.datastructures import QueryParams

from app.api.access.routes import may_be_list, query_of

Function = Callable[..., Any]
Read = tuple[Any, list[Any]]
"""A value, and what is wrong with it, in the framework's form."""

Validate = Callable[..., Read]

_UNKNOWN: Final = (
    *("body_params", "cookie_params", "header_params", "background_tasks_param_name"),
    *("http_connection_param_name", "response_param_name", "security_scopes_param_name"),
    "websocket_param_name",
)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One parameter in a query, which may be absent."""

    argument: str
    name: str
    default: object
    validate: Validate

    def read(self, query: QueryParams) -> Read:
        """Read a query."""
        text = query.get(self.name)
        if text is None:
            return self.default, []
        return self.validate(text, {}, loc=("query", self.name))


@dataclass(frozen=True, slots=True)
class _Model:
    """A query that is read into a model; those of its fields that are ``lists`` may be repeated."""

    argument: str
    names: frozenset[str]
    lists: frozenset[str]
    validate: Validate

    def read(self, query: QueryParams) -> Read:
        """Read a query."""
        given = {
            name: query.getlist(name) if name in self.lists else value
            for name, value in query.items()
            if name in self.names
        }
        return self.validate(given, {}, loc=("query",))


class Call:
    """Calls the function of a route, or one that such a function depends on."""

    def __init__(self, dependant: Dependant) -> None:
        """Read a signature; raises TypeError where it asks for what a Call does not know."""
        assert dependant.call is not None, "it is the signature of a function"
        self._function: Function = dependant.call
        if unknown := [name for name in _UNKNOWN if getattr(dependant, name)]:
            raise TypeError(f"{self._function.__qualname__} asks for {', '.join(unknown)}")
        self._request_name = dependant.request_param_name
        self._dependencies = tuple((each.name, Call(each)) for each in dependant.dependencies)
        self._paths = tuple(each.name for each in dependant.path_params)
        self._queries = tuple(_read_by(each) for each in dependant.query_params)

    async def answer(self, request: Request) -> Response:
        """Call the function of a route."""
        answer = await self._result(request, {})
        assert isinstance(answer, Response), "every route makes its own answer"
        return answer

    async def _result(self, request: Request, known: dict[Function, object]) -> object:
        """Call the function, and each that it depends on once."""
        given: dict[str, object] = {}
        for name, dependency in self._dependencies:
            function = dependency._function  # noqa: SLF001  of its own class
            if function not in known:
                known[function] = await dependency._result(request, known)  # noqa: SLF001  the same
            if name is not None:
                given[name] = known[function]
        for name in self._paths:
            given[name] = request.path_params[name]
        if self._queries:
            given.update(self._read(query_of(request.scope)))
        if self._request_name is not None:
            given[self._request_name] = request
        return await self._function(**given)

    def _read(self, query: QueryParams) -> dict[str, object]:
        """Read the query; raises RequestValidationError with everything that is wrong."""
        given = dict[str, object]()
        wrong = list[Any]()
        for each in self._queries:
            given[each.argument], problems = each.read(query)
            wrong += problems
        if wrong:
            raise RequestValidationError(wrong)
        return given


def _read_by(field: Any) -> _Parameter | _Model:  # noqa: ANN401  the framework's class is private
    info = field.field_info
    hint: object = info.annotation
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        fields = [(each.alias or name, each) for name, each in hint.model_fields.items()]
        lists = frozenset(name for name, each in fields if may_be_list(each.annotation))
        names = frozenset(name for name, _ in fields)
        return _Model(field.name, names, lists, field.validate)
    if info.is_required() or may_be_list(info.annotation):
        raise TypeError(f"the parameter {field.alias} is a list, or has no default")
    return _Parameter(field.name, field.alias, field.default, field.validate)
