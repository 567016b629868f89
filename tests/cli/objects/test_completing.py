"""TAB offers kinds, and names of the server; it never fails."""

import pytest
from click.shell_completion import ShellComplete

from app.cli.application import client_verbs
from tests.cli.fake_server import FakeServer, refusal

ITEMS = {"items": [{"metadata": {"name": "ent"}}, {"metadata": {"name": "web"}}]}


@pytest.fixture
def server() -> FakeServer:
    return FakeServer({("GET", f"/{each}"): ITEMS for each in ("services", "nodes", "namespaces")})


def offered(server: FakeServer, words: str, begun: str = "") -> list[str]:
    completion = ShellComplete(client_verbs(), {"obj": server.transport()}, "waypost", "_X")
    return [each.value for each in completion.get_completions(words.split(), begun)]


@pytest.mark.parametrize(
    ("words", "begun", "expected"),
    [
        ("", "desc", ["describe"]),
        ("get", "serv", ["servicecidrs", "services"]),
        ("get", "svc,no", ["svc,no", "svc,nodes"]),
        ("get svc", "", ["ent", "web"]),
        ("get svc ent", "", ["web"]),
        ("get", "svc/e", ["svc/ent"]),
        ("get svc/ent", "no", ["no/", "nodes/"]),
        ("delete svc", "w", ["web"]),
        ("describe no", "w", ["web"]),
        ("label svc", "e", ["ent"]),
        ("rules", "", ["ent", "web"]),
        ("resolve", "e", ["ent"]),
        ("get svc -n", "w", ["web"]),
        ("get nonsense", "x", []),
        ("get -o", "x", []),
    ],
)
def test_words_are_completed(
    server: FakeServer, words: str, begun: str, expected: list[str]
) -> None:
    assert offered(server, words, begun) == expected


def test_names_are_those_of_the_given_namespace(server: FakeServer) -> None:
    offered(server, "get -n dev svc")
    assert server.last.url.params["namespace"] == "dev"
    offered(server, "get svc")
    assert server.last.url.params["namespace"] == "default"


def test_a_server_that_refuses_has_nothing_to_offer() -> None:
    refusing = FakeServer({("GET", "/services"): refusal(403, "Forbidden", "no")})
    assert offered(refusing, "get svc") == []
