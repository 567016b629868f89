"""Tokens are made, listed and revoked; the text alone is on the standard output."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.cli.fields import Json
from tests.cli.fake_server import FakeServer, refusal, run

TEXT = "wpu_abcdefghijkl" + "s" * 38
Wire = dict[str, Any]


def a_token(name: str = "abcdefghijkl", user: str = "alice", **parts: Wire) -> Wire:
    return {
        "metadata": {"name": name, "resourceVersion": "7"},
        "spec": {"user": user, "groups": ["dev"], **parts.get("spec", {})},
        "status": {"createdBy": "admin", **parts.get("status", {})},
    }


MADE = a_token(spec={"expiresAt": "2030-01-01T00:00:00Z"}, status={"token": TEXT})
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
LISTED: Json = {
    "kind": "TokenList",
    "items": [
        a_token("aaaaaaaaaaaa", spec={"expiresAt": FUTURE}, status={"lastUsedAt": PAST}),
        a_token("bbbbbbbbbbbb", "system:node:n1"),
        a_token("cccccccccccc", spec={"expiresAt": PAST}),
        a_token("dddddddddddd", status={"revokedAt": PAST}),
    ],
}
WHO: Json = {
    "kind": "SelfSubjectReview",
    "status": {"userInfo": {"username": "me", "groups": ["ops", "system:authenticated"]}},
}


def a_server() -> FakeServer:
    deletions = {("DELETE", f"/tokens/{name * 12}"): a_token(name * 12) for name in "abcd"}
    return FakeServer(
        {
            ("POST", "/tokens"): MADE,
            ("GET", "/tokens"): LISTED,
            ("GET", "/whoami"): WHO,
            **deletions,
        }
    )


def sent_spec(*words: str) -> Wire:
    server = a_server()
    ended = run("token", "create", *words, server=server)
    assert ended.code == 0, ended.err
    body: Any = server.last_body
    assert (body["apiVersion"], body["kind"]) == ("access.waypost/v1", "Token")
    spec: Wire = body["spec"]
    return spec


def test_the_text_alone_is_printed_for_scripts_and_the_rest_for_people() -> None:
    ended = run("token", "create", "--user", "alice", server=a_server())
    assert ended.out == f"{TEXT}\n"
    assert ended.err == (
        "token abcdefghijkl of alice (dev), until 2030-01-01T00:00:00Z; it is shown only now:\n"
    )


def test_a_token_without_end_or_groups_is_told_so() -> None:
    made = a_token(spec={"groups": []}, status={"token": TEXT})
    server = FakeServer({("POST", "/tokens"): made})
    ended = run("token", "create", "--node", "n1", server=server)
    assert ended.err == "token abcdefghijkl of alice, without end; it is shown only now:\n"


def test_programs_get_the_whole_answer() -> None:
    ended = run("token", "create", "--user", "alice", "-o", "json", server=a_server())
    assert json.loads(ended.out) == MADE
    assert ended.err == ""


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        (["--user", "bob", "--group", "a", "--group", "b"], {"user": "bob", "groups": ["a", "b"]}),
        (["--node", "n1"], {"user": "system:node:n1", "groups": []}),
        (["--dns"], {"user": "system:serviceaccount:kube-system:waypost-dns", "groups": []}),
        (
            ["--service-account", "prod/bot"],
            {"user": "system:serviceaccount:prod:bot", "groups": []},
        ),
        ([], {"user": "me", "groups": ["ops"]}),
        (["--group", "few"], {"user": "me", "groups": ["few"]}),
        (
            ["--user", "bob", "--description", "ci"],
            {"user": "bob", "groups": [], "description": "ci"},
        ),
    ],
)
def test_the_options_say_whom_it_is_for(words: list[str], spec: Wire) -> None:
    assert sent_spec(*words) == spec


def test_days_are_counted_from_now_to_the_whole_minute() -> None:
    before = datetime.now(UTC)
    end = datetime.fromisoformat(sent_spec("--user", "bob", "--days", "7")["expiresAt"])
    after = datetime.now(UTC)
    minute = timedelta(minutes=1)
    assert before + timedelta(days=7) - minute < end <= after + timedelta(days=7)
    assert end.second == 0


@pytest.mark.parametrize(
    "words",
    [
        ["create", "--user", "a", "--node", "b"],
        ["create", "--dns", "--service-account", "a/b"],
        ["create", "--service-account", "bot"],
        ["create", "--service-account", "/bot"],
        ["create", "--days", "0"],
        ["create", "--admin"],
        ["create", "--database"],
        ["create", "--admin", "--database", "--user", "a"],
        ["create", "--admin", "--database"],
        ["revoke"],
        ["revoke", "abc", "--user", "alice"],
        ["revoke", "--user", "a", "--node", "b"],
    ],
)
def test_options_that_contradict_each_other_are_refused_before_anything_is_sent(
    words: list[str],
) -> None:
    server = a_server()
    ended = run("token", *words, server=server)
    assert (ended.code, ended.out, server.requests) == (2, "", [])


def test_a_refusal_is_told_in_the_servers_words() -> None:
    words = 'users "bob" is forbidden: User "me" cannot impersonate'
    server = FakeServer({("POST", "/tokens"): refusal(403, "Forbidden", words)})
    ended = run("token", "create", "--user", "bob", server=server)
    assert (ended.code, ended.out, ended.err) == (1, "", f"error: {words} (Forbidden)\n")


def names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_the_tokens_in_force_are_listed_with_their_last_use() -> None:
    ended = run("token", "list", server=a_server())
    head, first, _ = ended.out.splitlines()
    assert head.split("   ")[0].strip() == "NAME"
    for heading in ("USER", "EXPIRES", "LAST USED", "REVOKED", "AGE"):
        assert heading in head
    assert "CREATED BY" not in head
    assert first.split()[:4] == ["aaaaaaaaaaaa", "alice", FUTURE, PAST]
    assert names(ended.out) == ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]


def test_ended_tokens_and_those_of_one_user_are_listed_on_request() -> None:
    assert len(names(run("token", "list", "--all", server=a_server()).out)) == 4
    out = run("token", "list", "--node", "n1", server=a_server()).out
    assert names(out) == ["bbbbbbbbbbbb"]
    wide = run("token", "list", "--user", "alice", "-o", "wide", server=a_server()).out
    assert ("CREATED BY" in wide, names(wide)) == (True, ["aaaaaaaaaaaa"])
    document = json.loads(run("token", "list", "-o", "json", server=a_server()).out)
    assert [each["metadata"]["name"] for each in document["items"]] == [
        "aaaaaaaaaaaa",
        "bbbbbbbbbbbb",
    ]
    nobody = run("token", "list", "--user", "nobody", server=a_server())
    assert (nobody.code, nobody.out, nobody.err) == (0, "", "no tokens\n")


def test_tokens_are_revoked_by_their_ids() -> None:
    server = a_server()
    ended = run("token", "revoke", "aaaaaaaaaaaa", "bbbbbbbbbbbb", server=server)
    assert ended.out == (
        "token/aaaaaaaaaaaa revoked at revision 7\ntoken/bbbbbbbbbbbb revoked at revision 7\n"
    )
    assert [request.method for request in server.requests] == ["DELETE", "DELETE"]


def test_all_tokens_of_a_user_or_a_node_that_are_in_force_are_revoked() -> None:
    server = a_server()
    ended = run("token", "revoke", "--user", "alice", server=server)
    assert ended.out == "token/aaaaaaaaaaaa revoked at revision 7\n"
    ended = run("token", "revoke", "--node", "n1", server=server)
    assert ended.out == "token/bbbbbbbbbbbb revoked at revision 7\n"
    ended = run("token", "revoke", "--user", "nobody", server=server)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "no token of nobody is in force\n"


def test_a_token_is_a_kind_of_other_verbs_too() -> None:
    server = a_server()
    assert names(run("get", "tokens", server=server).out)[0] == "aaaaaaaaaaaa"
    assert run("delete", "token/aaaaaaaaaaaa", server=server).code == 0
    assert server.last.url.path == "/tokens/aaaaaaaaaaaa"
