"""Every refusal of the core has its row in the table of the API."""

from collections.abc import Iterator

from app.api.errors import STATUSES
from app.domain.errors import DomainError


def kinds_of(root: type[DomainError]) -> Iterator[type[DomainError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def test_every_refusal_has_a_status() -> None:
    assert set(kinds_of(DomainError)) == set(STATUSES)


def test_a_reason_is_one_word_and_has_one_status() -> None:
    statuses = {kind.reason: status for kind, status in STATUSES.items()}
    assert all(statuses[kind.reason] == status for kind, status in STATUSES.items())
    assert all(reason.isalpha() for reason in statuses)
