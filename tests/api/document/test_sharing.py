"""Which parts become components: those that stand there twice, and most often of their name."""

from app.api.document.sharing import Shared

A, B = {"in": "path"}, {"in": "query"}


def test_a_part_that_stands_there_once_is_no_component() -> None:
    assert Shared([("name", A)]).components() == {}


def test_of_parts_with_one_name_the_most_common_one_is_the_component() -> None:
    shared = Shared([("name", B), ("name", A), ("name", A), ("other", B), ("other", B)])
    assert shared.components() == {"name": A, "other": B}
    assert [shared.has("name", A), shared.has("name", B), shared.has("third", A)] == [
        True,
        False,
        False,
    ]
