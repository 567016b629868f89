"""Words name kinds or objects, as kubectl's do."""

import click
import pytest

from app.cli.objects.arguments import Asked, asked_by


def titles(asked: Asked) -> list[str]:
    return [f"{each.namespace}:{each.title}" for each in asked.named]


def plurals(asked: Asked) -> list[str]:
    return [kind.plural for kind in asked.kinds]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("svc", ["services"]),
        ("svc,po,svc", ["services", "pods"]),
        ("all", ["pods", "services"]),
        ("all,no", ["pods", "services", "nodes"]),
        ("endpointslices.discovery.k8s.io", ["endpointslices"]),
        ("role.v1.rbac.authorization.k8s.io", ["roles"]),
        ("services.v1.", ["services"]),
    ],
)
def test_one_word_names_kinds(word: str, expected: list[str]) -> None:
    assert plurals(asked_by([word])) == expected


def test_further_words_name_objects_of_every_kind_before_them() -> None:
    assert titles(asked_by(["svc", "ent", "web", "ent"], "dev")) == [
        "dev:service/ent", "dev:service/web",
    ]  # fmt: skip
    assert titles(asked_by(["svc,no", "a"])) == ["default:service/a", ":node/a"]
    assert titles(asked_by(["svc/ent", "po/ent-1"])) == ["default:service/ent", "default:pod/ent-1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which kind"),
        (["svc/ent", "po"], "no need to name a kind"),
        (["svc/"], "not KIND/NAME"),
        (["svc/a/b"], "not KIND/NAME"),
        (["scv"], 'there is no kind .scv.: did you mean "svc"'),
        (["srevices"], 'did you mean "services"'),
        (["ep"], "kept as EndpointSlices"),
        (["deploy"], "there are .*services"),
    ],
)
def test_mistakes_are_refused_with_what_was_probably_meant(words: list[str], message: str) -> None:
    with pytest.raises(click.BadParameter, match=message):
        asked_by(words)
