"""Each committed write is one line of the log, and nothing else is."""

import logging
from contextlib import suppress

import pytest

from app.domain.errors import AlreadyExists
from app.domain.objects.pod import POD
from app.registry.writes import lifecycle
from app.telemetry.origin import note_request, note_user
from tests.builders import a_pod, key
from tests.registries import a_registry

LOGGER = "app.store.write_log"


async def test_a_line_says_what_was_done_to_what_and_by_whom(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_registry(database_url) as registry:
        write, pod = registry.writer.write, a_pod("a")
        caplog.set_level(logging.INFO, LOGGER)
        note_request("r-1", "")
        note_user("alice")
        await write(lambda work: lifecycle.create(work, pod), dry_run=True)
        await write(lambda work: lifecycle.create(work, pod))
        with suppress(AlreadyExists):
            await write(lambda work: lifecycle.create(work, pod))
        await write(lambda work: lifecycle.delete(work, POD, key("a"), grace_s=0))
        await write(lambda _: None)
    lines = [record for record in caplog.records if record.name == LOGGER]
    messages = [record.getMessage().partition(": ")[2] for record in lines]
    assert messages == [
        "create Pod default/a, by alice, request r-1",
        "delete Pod default/a, by alice, request r-1",
    ]
    fields = [record.__dict__["fields"] for record in lines]
    assert fields[1]["revision"] == fields[0]["revision"] + 1
    assert fields[0] == {
        "revision": fields[0]["revision"],
        "verb": "create",
        "kind": "Pod",
        "namespace": "default",
        "name": "a",
        "objects": 1,
        "user": "alice",
        "requestId": "r-1",
    }


async def test_a_write_of_many_objects_is_one_line(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_registry(database_url) as registry:
        caplog.set_level(logging.INFO, LOGGER)
        await registry.writer.write(
            lambda work: [lifecycle.create(work, a_pod(name)) for name in "abc"]
        )
    messages = [each.getMessage() for each in caplog.records if each.name == LOGGER]
    assert [message.partition(": ")[2] for message in messages] == [
        "create Pod default/a and 2 more"
    ]
