"""A route's function is given what the framework would give it.

The law: over any query, path and model of our routes, an answer by a Call equals the one by the
framework, refusals included.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.api import application, errors
from app.api.access.requirements import path_itself, requires
from app.api.access.routes import Routes
from app.api.dependencies import KeyOf
from app.api.routing.call import Call
from app.api.routing.dispatch import Dispatch, calls_of
from app.domain.dataplane.ipvs.script import Part
from tests.registries import a_client

DECLARED: Final = [
    route
    for router in application.ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
]
VALUES: Final = (
    *("", "0", "1", "-1", "7", "99999999999", "true", "False", "yes", "web", "All", "Strict"),
    *("Exact", "glibc", "a", "AAAA", "Foreground", "script", "x" * 9_000, "é", "a,b", "null"),
)


def models_of(dependant: Dependant) -> Iterator[type[BaseModel]]:
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield model
    for each in dependant.dependencies:
        yield from models_of(each)


MODELS: Final = sorted(
    {model for route in DECLARED for model in models_of(route.dependant)},
    key=lambda model: model.__name__,
)


async def _noted(
    request: Request, note: Annotated[str, Query(description="Any text.")] = "none"
) -> str:
    request.state.notes = [*getattr(request.state, "notes", ()), note]
    return "/".join(request.state.notes)


Noted = Annotated[str, Depends(_noted)]


async def _twice(noted: Noted) -> str:
    return f"{noted}+{noted}"


def probes() -> APIRouter:
    """Make a route for each model; it answers with everything that it was given."""
    router = APIRouter()
    for model in MODELS:

        @router.get(f"/{model.__name__}/{{namespace}}/{{name}}")
        @requires(path_itself)
        async def probe(  # noqa: PLR0913, PLR0917  everything that a signature may have
            request: Request,
            query: Annotated[model, Query()],  # type: ignore[valid-type]  # made at run time
            name: Annotated[str, Path(description="A name.")],
            key: KeyOf,
            noted: Noted,
            twice: Annotated[str, Depends(_twice)],
            part: Annotated[Part, Query()] = Part.SCRIPT,
        ) -> Response:
            given = cast("BaseModel", query)
            said = (str(request.url), given.model_dump(mode="json"), name, key, noted, twice, part)
            return JSONResponse(said)

    return router


def by_framework() -> FastAPI:
    app = FastAPI()
    app.include_router(probes())
    errors.install(app)
    return app


def by_call() -> FastAPI:
    app, routes = FastAPI(), [each for each in probes().routes if isinstance(each, APIRoute)]
    app.add_middleware(Dispatch, routes=Routes(routes), calls=calls_of(routes))
    return app


FRAMEWORK, OURS = by_framework(), by_call()


@st.composite
def requests(draw: st.DrawFn) -> str:
    model = draw(st.sampled_from(MODELS))
    known = [field.alias or name for name, field in model.model_fields.items()]
    names = st.sampled_from([*known, "note", "part", "unknown"])
    pairs = draw(st.lists(st.tuples(names, st.sampled_from(VALUES)), max_size=6))
    namespace = draw(st.sampled_from(["default", "a%20b", "%C3%A9"]))
    return f"/{model.__name__}/{namespace}/web?{urlencode(pairs)}"


async def asked(app: FastAPI, target: str) -> tuple[int, Any, Mapping[str, str]]:
    async with a_client(app) as client:
        answer = await client.get(target)
    return answer.status_code, answer.json(), answer.headers


@given(requests())
async def test_the_answer_is_the_one_of_the_framework(target: str) -> None:
    assert await asked(OURS, target) == await asked(FRAMEWORK, target)


def test_every_model_of_our_routes_is_compared() -> None:
    assert {"ListQuery", "Question", "WriteQuery"} <= {model.__name__ for model in MODELS}


async def test_what_several_ask_for_is_computed_once() -> None:
    target = f"/{MODELS[0].__name__}/default/web?note=once&name=web&since=1"
    status, said, _ = await asked(OURS, target)
    assert (status, said[4:6]) == (httpx.codes.OK, ["once", "once+once"])


async def with_header(agent: Annotated[str, Header()] = "") -> None: ...
async def with_body(document: Annotated[dict[str, str], Body()]) -> None: ...
async def with_required(name: str) -> None: ...
async def with_list(name: Annotated[list[str], Query()] = []) -> None: ...  # noqa: B006
async def with_response(response: Response) -> None: ...


@pytest.mark.parametrize(
    "function", [with_header, with_body, with_required, with_list, with_response]
)
def test_a_signature_that_asks_for_more_is_refused(function: Any) -> None:  # noqa: ANN401  of any signature
    with pytest.raises(TypeError):
        Call(APIRoute("/path", function).dependant)


async def test_what_is_no_refusal_is_raised_and_what_is_no_request_passes() -> None:
    @requires(path_itself)
    async def broken() -> Response:
        raise LookupError("a bug")

    passed = list[str]()

    async def inner(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  of ASGI
        del receive, send
        passed.append(scope["type"])

    routes = [APIRoute("/broken", broken)]
    layer = Dispatch(inner, routes=Routes(routes), calls=calls_of(routes))
    scope: dict[str, Any] = {"type": "http"}
    scope |= {"method": "GET", "path": "/broken", "query_string": b"", "headers": []}

    async def nothing(*_: object) -> Any: ...  # noqa: ANN401  neither receives nor sends

    with pytest.raises(LookupError, match="a bug"):
        await layer(scope, nothing, nothing)
    assert scope["route"] is routes[0], "it is counted by its route all the same"
    await layer({"type": "lifespan"}, nothing, nothing)
    assert passed == ["lifespan"]
