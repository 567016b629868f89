"""The names of kinds on the command line."""

import click
import pytest

from app.cli.kinds import KINDS, KINDS_BY_WORD, kind_and_name, kind_named, object_path
from app.domain.resources import RESOURCES

SERVICE = kind_named("services")


@pytest.mark.parametrize("word", ["svc", "Service", "services", "SERVICE"])
def test_short_words_plurals_and_any_case_name_a_kind(word: str) -> None:
    assert kind_named(word) is SERVICE


def test_every_kind_has_a_word_in_the_order_in_which_kinds_are_written() -> None:
    assert set(KINDS_BY_WORD.values()) == set(KINDS)
    assert [each.name for each in KINDS] == [each.name for each in RESOURCES]


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    with pytest.raises(click.BadParameter, match=r"no kind 'deploy'.*services"):
        kind_named("deploy")


def test_a_name_follows_the_kind_or_a_slash() -> None:
    assert kind_and_name("svc", "ent") == (SERVICE, "ent")
    assert kind_and_name("svc/ent", None) == (SERVICE, "ent")
    assert kind_and_name("svc", None) == (SERVICE, "")
    with pytest.raises(click.BadParameter, match="one too many"):
        kind_and_name("svc/ent", "web")


def test_only_namespaced_kinds_have_the_namespace_in_their_path() -> None:
    assert object_path(SERVICE, "dev", "ent") == "/services/dev/ent"
    assert object_path(kind_named("no"), "dev", "n1") == "/nodes/n1"


def test_letters_of_a_name_that_a_path_does_not_have_are_escaped() -> None:
    assert (
        object_path(kind_named("clusterroles"), "", "a b?#é") == "/clusterroles/a%20b%3F%23%C3%A9"
    )
