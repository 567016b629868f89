"""The log of requests has a line for each of them, also for those answered from kept answers."""

import logging

import pytest

from app.api import application
from app.api.http.kept_answers import KeptAnswers
from app.main import VERSION
from tests.api.sockets import Client, serving
from tests.registries import a_registry

LOGGER = "app.api.monitoring.access_log"
NAMESPACE = b"GET /namespaces/default HTTP/1.1\r\nHost: localhost\r\n\r\n"
NAMED = b"GET /namespaces/default HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r-1\r\n\r\n"


async def test_there_is_a_line_for_each_answer(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = application.build(version=VERSION, has_access_log=True)
    async with a_registry(database_url) as registry:
        app.state.registry = registry
        kept = KeptAnswers(registry.view)
        async with serving(app, kept=kept) as port, Client(port) as client:
            caplog.set_level(logging.INFO, LOGGER)
            for _ in range(3):
                await client.ask(NAMESPACE)
            assert len(kept) == 1
            await client.ask(NAMED)
            assert len(kept) == 1  # it does not come again
            await client.ask(b"GET /nope?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n")
    fields = [each.__dict__["fields"] for each in caplog.records if each.name == LOGGER]
    shown = [(each["method"], each["path"], each["status"]) for each in fields]
    assert shown == [("GET", "/namespaces/default", 200)] * 4 + [("GET", "/nope", 404)]
