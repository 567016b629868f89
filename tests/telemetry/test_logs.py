"""A line of JSON is one line, and has what the record and its request say."""

import json
import logging
from contextvars import copy_context

import pytest

from app.telemetry.logs import JSONLines
from app.telemetry.origin import Origin, note_request, note_user, origin


def a_record(message: str = "said %s", **more: object) -> logging.LogRecord:
    record = logging.LogRecord("app.x", logging.WARNING, "", 0, message, ("a\nb\x1b",), None)
    record.__dict__.update(more)
    return record


def test_a_record_is_one_object_on_one_line() -> None:
    line = JSONLines().format(a_record(fields={"revision": 42}))
    assert line.isascii()
    assert line.isprintable()
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "warning",
        "logger": "app.x",
        "message": "said a\nb\x1b",
        "revision": 42,
    }


def test_a_traceback_is_a_field() -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        _ = 1 // 0
    record = a_record()
    record.exc_info = (failed.type, failed.value, failed.tb)
    assert "ZeroDivisionError" in json.loads(JSONLines().format(record))["exception"]


def test_what_is_logged_during_a_request_has_its_id() -> None:
    def during() -> str:
        note_request("r-1", "")
        note_user("alice")
        assert origin() == Origin("r-1", "alice")
        return JSONLines().format(a_record())

    assert json.loads(copy_context().run(during))["requestId"] == "r-1"
    assert "requestId" not in json.loads(JSONLines().format(a_record()))
