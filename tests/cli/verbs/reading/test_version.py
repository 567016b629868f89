"""The versions of both sides are shown."""

import json

from tests.cli.fake_server import FakeServer, run


def test_both_versions_are_shown() -> None:
    server = FakeServer({("GET", "/version"): {"gitVersion": "v9.1.0"}})
    ended = run("version", server=server)
    assert ended.out.splitlines()[0].startswith("Client Version: 0.")
    assert ended.out.splitlines()[1] == "Server Version: v9.1.0"
    document = json.loads(run("version", "-o", "json", server=server).out)
    assert document["serverVersion"] == {"gitVersion": "v9.1.0"}


def test_the_client_alone_needs_no_server() -> None:
    ended = run("version", "--client")
    assert (ended.code, ended.out.count("\n")) == (0, 1)
