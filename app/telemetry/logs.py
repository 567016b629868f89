"""Lines of a log for programs: one JSON object for an event.

    record, its fields, the request it belongs to -> a line

A record may have ``fields`` beside its message, which a line of text leaves out.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.telemetry.origin import origin


def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """Give the fields of a record, with the id of the request during which it was logged."""
    fields: Mapping[str, Any] = getattr(record, "fields", {})
    request_id = origin().request_id
    return {"requestId": request_id, **fields} if request_id else fields


class JSONLines(logging.Formatter):
    """Writes each record as a line of JSON; other characters than those of ASCII are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
