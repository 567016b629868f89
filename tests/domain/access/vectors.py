"""The shared cases for authorisation, and the state that each begins with."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from app.domain.access.attributes import Attributes
from app.domain.access.subjects import User
from app.domain.names import NamespacedName, Revision
from app.domain.objects.namespace import Namespace
from app.domain.objects.resource import Object
from app.domain.registration.strategies import strategy_of
from app.domain.snapshot import Snapshot, load
from app.schemas.objects.codec import decode_object
from tests.builders import a_namespace
from tests.vector_matching import load_vectors

Case = Mapping[str, Any]


def cases_of(kind: str) -> list[Case]:
    """The cases of one kind."""
    return [case for case in load_vectors("access_rbac.json") if case["kind"] == kind]


def decoded(document: Mapping[str, object]) -> Object:
    """The object of a document, with its defaults."""
    draft = decode_object(document).object
    return cast("Object", strategy_of(draft).complete(draft))


def a_state(documents: Iterable[Mapping[str, object]], *more: Object) -> Snapshot:
    """The state that has these objects."""
    objects = [*(decoded(document) for document in documents), *more]
    named = {each.metadata.namespace for each in objects} - {""}
    spaces: list[Namespace] = [a_namespace(name) for name in sorted(named)]
    return load((*objects, *spaces), revision=Revision(1))


def a_user(case: Case) -> User:
    return User(name=case["user"]["name"], groups=tuple(case["user"].get("groups", ())))


def attributes_of(request: Mapping[str, Any]) -> Attributes:
    terms = (term.split("=") for term in request.get("fieldSelector", "").split(",") if term)
    return Attributes(
        verb=request["verb"],
        api_group=request.get("apiGroup", ""),
        resource=request.get("resource", ""),
        subresource=request.get("subresource", ""),
        namespace=request.get("namespace", ""),
        name=request.get("name", ""),
        path=request.get("path", ""),
        field_selector=dict(terms),
    )


def key_of(document: Mapping[str, Any]) -> NamespacedName:
    meta = document["metadata"]
    return NamespacedName(meta.get("namespace", ""), meta["name"])
