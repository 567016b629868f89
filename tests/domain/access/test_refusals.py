"""Refusals: their words, their details, and that nothing in them is markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.attributes import Attributes
from app.domain.access.refusals import lead_of, refused, restricted
from app.domain.access.subjects import User
from app.domain.errors import Forbidden
from app.schemas.status import status_of

EVE = User(name="eve")
GRANT = Attributes(
    verb="update",
    api_group="rbac.authorization.k8s.io",
    resource="roles",
    subresource="scale",
    namespace="prod",
    name="r",
)


@pytest.mark.parametrize(
    ("group", "name", "expected"),
    [
        ("", "", "pods is forbidden: "),
        ("", "p", 'pods "p" is forbidden: '),
        ("g", "", "pods.g is forbidden: "),
        ("g", 'a"b', 'pods.g "a\\"b" is forbidden: '),
    ],
)
def test_the_lead_names_the_object(group: str, name: str, expected: str) -> None:
    assert lead_of(group, "pods", name) == expected


def test_the_subresource_is_in_the_sentence_and_the_reason_at_the_end() -> None:
    assert refused(EVE, GRANT, "because").message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: User "eve" cannot update resource '
        '"roles/scale" in API group "rbac.authorization.k8s.io" in the namespace "prod": because'
    )


def test_a_refusal_is_an_error_with_the_details_of_kubernetes() -> None:
    error = refused(EVE, GRANT).error
    assert type(error) is Forbidden
    status = status_of(error, 403)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["details"] == {
        "name": "r",
        "group": "rbac.authorization.k8s.io",
        "kind": "roles",
        "causes": [],
    }


def test_a_path_is_refused_without_details() -> None:
    asked = Attributes(verb="get", path="/metrics")
    assert status_of(refused(EVE, asked).error, 403)["details"] == {"causes": []}
    assert restricted(asked, "no").message == "forbidden: no"


@given(st.text(), st.text())
def test_no_user_and_no_object_brings_markup_or_lines_into_the_sentence(
    user: str, name: str
) -> None:
    asked = Attributes(verb="get", resource="pods", namespace=name)
    message = refused(User(name=user), asked).message
    assert not set("<>\n\r\0") & set(message)
