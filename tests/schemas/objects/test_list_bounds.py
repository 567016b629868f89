"""Every list in an object has a limited length."""
# ruff: noqa: ANN401  JSON

from typing import Any, cast

import pytest

from app.domain.errors import BadRequest, CauseReason
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.pod import POD
from app.schemas.objects.list_bounds import LIST_MAX, require_short_lists

Wire = dict[str, Any]
PORT: Wire = {"port": 80}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"spec": {"ports": [PORT] * LIST_MAX}}, "spec.ports"),
        ({"metadata": {"finalizers": ["a/b"] * LIST_MAX}}, "metadata.finalizers"),
        ({"spec": {"containers": [{"ports": [PORT] * LIST_MAX}]}}, "spec.containers[0].ports"),
        ({"unknown": [[0] * LIST_MAX]}, "unknown[0]"),
    ],
)
def test_a_list_over_the_limit_is_refused_with_its_path(
    document: dict[str, object], path: str
) -> None:
    require_short_lists(document, POD)
    longer = _with_one_more(document)
    with pytest.raises(BadRequest) as refused:
        require_short_lists(longer, POD)
    (cause,) = refused.value.causes
    assert (cause.field, cause.reason) == (path, CauseReason.TOO_MANY)


def test_all_lists_over_the_limit_are_listed() -> None:
    document = {"a": [0] * (LIST_MAX + 1), "b": {"c": ["x"] * (LIST_MAX + 2)}}
    with pytest.raises(BadRequest) as refused:
        require_short_lists(document, POD)
    assert {cause.field for cause in refused.value.causes} == {"a", "b.c"}


def test_slices_have_their_own_limits() -> None:
    require_short_lists({"endpoints": [PORT] * (LIST_MAX + 1)}, ENDPOINT_SLICE)


def _with_one_more(value: Any) -> Any:
    """Add a member to each list that has the maximal length."""
    if isinstance(value, dict):
        return {key: _with_one_more(below) for key, below in cast("Wire", value).items()}
    if isinstance(value, list):
        members = cast("list[Any]", value)
        grown = len(members) == LIST_MAX
        return [*members, members[0]] if grown else [_with_one_more(each) for each in members]
    return value
