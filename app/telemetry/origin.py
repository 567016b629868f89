"""Whose request this is, for whatever is logged or written while it is answered.

    layers of the API -> Origin, in the context of the request's task -> logs, the queue of writes

A context of its own begins with every request; work of the server itself has no origin.
"""

from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Origin:
    """A request: its id, its user, and the trace that it is part of; each may be empty."""

    request_id: str = ""
    user: str = ""
    traceparent: str = ""


NOBODY: Final = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=NOBODY)


def origin() -> Origin:
    """Give the origin of what runs now."""
    return _current.get()


def note_request(request_id: str, traceparent: str) -> None:
    """Note the request that is answered from now on, in this context."""
    _current.set(Origin(request_id, traceparent=traceparent))


def note_user(name: str) -> None:
    """Note whose request it is."""
    _current.set(replace(_current.get(), user=name))
