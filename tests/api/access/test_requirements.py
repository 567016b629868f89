"""What every route asks of its caller, as the shared cases have it."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from starlette.datastructures import QueryParams
from starlette.routing import Route

from app.api import application
from app.api.access.requirements import Asked, by_body, objects_of, requirement_of, requires
from app.api.access.routes import UNKNOWN_METHOD, Found, Routes, query_of
from app.domain.access.attributes import Attributes
from app.domain.objects.service import SERVICE
from app.main import VERSION
from tests.domain.access.vectors import attributes_of, cases_of

APP: Final = application.build(version=VERSION)
ROUTES: Final = [
    route
    for route in (*APP.routes, *(each for router in application.ROUTERS for each in router.routes))
    if isinstance(route, Route)
]
NOT_SERVED: Final = {  # kinds and routes that this version does not have
    "rbac-route-quota-status",
    "rbac-route-policies-list",
    "rbac-route-audit",
    "rbac-route-audit-ns",
}
known = Routes(ROUTES)


def found(request: Mapping[str, Any]) -> tuple[Found, Asked]:
    method = "GET" if request["method"] == "HEAD" else request["method"]
    route = known.find(method, request["path"])
    assert isinstance(route, Found), request
    query = QueryParams(request.get("query", ""))
    return route, Asked(method, request["path"], route.parameters, query)


def without_selector(attributes: Attributes) -> tuple[str, ...]:
    return (
        attributes.verb,
        attributes.api_group,
        attributes.resource,
        attributes.subresource,
        attributes.namespace,
        attributes.name,
        attributes.path,
    )


@pytest.mark.parametrize("case", cases_of("attributes"), ids=lambda case: case["id"])
def test_a_route_asks_for_the_attributes_of_its_request(case: Mapping[str, Any]) -> None:
    request, expected = case["request"], case["expect"]["attributes"]
    if case["id"] in NOT_SERVED:
        assert known.find(request["method"], request["path"]) is None
        return
    route, asked = found(request)
    if route.requirement is by_body:
        # The route asks when it has read the body: tested with the routes themselves.
        assert request["method"] == "POST"
        return
    wanted = sorted(without_selector(attributes_of(each)) for each in expected)
    assert sorted(without_selector(each) for each in route.requirement(asked)) == wanted


def test_only_routes_whose_body_names_objects_ask_by_it() -> None:
    paths = {route.path for route in ROUTES if requirement_of(route.endpoint) is by_body}
    collections = {path for path in paths if path.count("/") == 1}
    assert collections == paths
    assert {"/apply", "/heartbeats", "/can-i"} <= paths


def test_an_application_with_a_route_that_states_nothing_is_refused() -> None:
    async def silent() -> None: ...

    with pytest.raises(LookupError, match="/silent"):
        Routes([Route("/silent", silent)])


async def endpoint() -> None: ...


def test_a_path_is_found_by_its_segments_and_method() -> None:
    requires(objects_of(SERVICE))(endpoint)
    routes = Routes([Route("/services/{namespace}/{name}", endpoint, methods=["GET"])])
    matched = routes.find("GET", "/services/prod/ent")
    assert isinstance(matched, Found)
    assert matched.parameters == {"namespace": "prod", "name": "ent"}
    assert routes.find("PUT", "/services/prod/ent") is UNKNOWN_METHOD
    for path in ("/services", "/services/prod", "/services/prod/ent/more", "/pods/prod/ent", ""):
        assert routes.find("GET", path) is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_route_of_a_request_is_found_once_that_of_get_for_head(method: str) -> None:
    requires(objects_of(SERVICE))(endpoint)
    routes = Routes([Route("/services/{namespace}/{name}", endpoint, methods=["GET"])])
    scope = {"method": method, "path": "/services/prod/ent", "query_string": b"a=1"}
    found = routes.found(scope)
    assert isinstance(found, Found)
    assert found.route.endpoint is endpoint
    assert routes.found(scope) is found
    assert query_of(scope) is query_of(scope)
    assert routes.found({"method": "PUT", "path": "/services/prod/ent"}) is UNKNOWN_METHOD
    assert routes.found({"method": method, "path": "/nowhere"}) is None


@pytest.mark.parametrize(
    ("query", "verb", "name"),
    [
        ("watch=1", "watch", ""),
        ("watch=0", "list", ""),
        ("watch=FALSE", "list", ""),
        ("watch", "list", ""),
        ("fieldSelector=metadata.name=a/b", "list", ""),
        ("fieldSelector=nonsense", "list", ""),
        ("fieldSelector=metadata.name=a&watch=true", "watch", "a"),
    ],
)
def test_a_collection_is_listed_or_watched(query: str, verb: str, name: str) -> None:
    asked = Asked("GET", "/services", {}, QueryParams(query))
    (attributes,) = objects_of(SERVICE)(asked)
    assert (attributes.verb, attributes.name) == (verb, name)


def test_a_limited_list_asks_for_nothing_before_its_route() -> None:
    asked = Asked("GET", "/services", {}, QueryParams("visible=true"))
    assert list(objects_of(SERVICE)(asked)) == []
    asked = Asked("GET", "/services", {}, QueryParams("visible=true&namespace=prod"))
    assert len(list(objects_of(SERVICE)(asked))) == 1
