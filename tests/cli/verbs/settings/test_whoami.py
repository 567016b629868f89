"""Who the caller is, for people and for programs."""

import json

from tests.cli.fake_server import FakeServer, refusal, run

REVIEW = {
    "apiVersion": "authentication.k8s.io/v1",
    "kind": "SelfSubjectReview",
    "status": {
        "userInfo": {
            "username": "alice",
            "uid": "5",
            "groups": ["dev", "system:authenticated"],
            "extra": {"team": ["x", "y"], "about": ["z\x1b[31m"]},
        }
    },
}


def test_the_user_is_shown_as_kubectl_does() -> None:
    ended = run("whoami", server=FakeServer({("GET", "/whoami"): REVIEW}))
    assert ended.out.splitlines() == [
        "ATTRIBUTE      VALUE",
        "Username       alice",
        "UID            5",
        "Groups         [dev system:authenticated]",
        "Extra: about   [z\\x1b[31m]",
        "Extra: team    [x y]",
    ]


def test_what_a_user_does_not_have_is_left_out() -> None:
    groups: list[str] = []
    review = {"status": {"userInfo": {"username": "system:anonymous", "groups": groups}}}
    ended = run("whoami", server=FakeServer({("GET", "/whoami"): review}))
    assert ended.out.splitlines()[1:] == ["Username    system:anonymous", "Groups      []"]


def test_programs_get_the_review() -> None:
    ended = run("whoami", "-o", "json", server=FakeServer({("GET", "/whoami"): REVIEW}))
    assert json.loads(ended.out) == REVIEW


def test_bad_credentials_are_told() -> None:
    answer = refusal(401, "Unauthorized", "Unauthorized")
    ended = run("whoami", server=FakeServer({("GET", "/whoami"): answer}))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: Unauthorized (Unauthorized): set WAYPOST_TOKEN")
