"""The client of Waypost for Python programs: ``Waypost``, and ``BlockingWaypost`` without asyncio.

Here are the names that programs use; ``waypost.client.models`` has the types of objects.  A module
is imported when one of its names is first used: the errors alone need neither httpx nor asyncio,
which take longer to import than a short program takes to run.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.client.blocking import BlockingWatch, BlockingWaypost
    from waypost.client.endpoints import Endpoint
    from waypost.client.errors import (
        AlreadyExists,
        BadRequest,
        Cause,
        Conflict,
        Exhausted,
        Expired,
        Forbidden,
        InternalError,
        Invalid,
        InvalidArgument,
        InvalidToken,
        InvalidURL,
        Misbehaved,
        Misused,
        NoSuchPath,
        NotFound,
        PreconditionFailed,
        Refused,
        RequestEntityTooLarge,
        ServiceUnavailable,
        Timeout,
        TooManyRequests,
        Unauthorized,
        Unreachable,
        UnsupportedMediaType,
        WaypostError,
    )
    from waypost.client.http.answer import Bounds
    from waypost.client.http.retries import Retries
    from waypost.client.reading import Listing
    from waypost.client.registration import Registered
    from waypost.client.watching.changes import Bookmark, Change, ChangeType
    from waypost.client.watching.watch import Watch
    from waypost.client.waypost import Waypost

__all__ = [
    "AlreadyExists",
    "BadRequest",
    "BlockingWatch",
    "BlockingWaypost",
    "Bookmark",
    "Bounds",
    "Cause",
    "Change",
    "ChangeType",
    "Conflict",
    "Endpoint",
    "Exhausted",
    "Expired",
    "Forbidden",
    "InternalError",
    "Invalid",
    "InvalidArgument",
    "InvalidToken",
    "InvalidURL",
    "Listing",
    "Misbehaved",
    "Misused",
    "NoSuchPath",
    "NotFound",
    "PreconditionFailed",
    "Refused",
    "Registered",
    "RequestEntityTooLarge",
    "Retries",
    "ServiceUnavailable",
    "Timeout",
    "TooManyRequests",
    "Unauthorized",
    "Unreachable",
    "UnsupportedMediaType",
    "Watch",
    "Waypost",
    "WaypostError",
]

_MODULES = (
    "errors",
    "endpoints",
    "http.answer",
    "http.retries",
    "reading",
    "registration",
    "watching.changes",
    "watching.watch",
    "waypost",
    "blocking",
)
"""Where the names are, those first that import the least."""


def __getattr__(name: str) -> object:
    """Find a name in its module, once."""
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"{__name__}.{module}"))
            if name in found:
                globals()[name] = found[name]
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
