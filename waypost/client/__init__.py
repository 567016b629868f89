"""The client of Waypost for Python programs: ``Waypost``, and ``BlockingWaypost`` without asyncio.

Here are the names that programs use; ``waypost.client.models`` has the types of objects.
"""

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
    InvalidToken,
    InvalidURL,
    Misbehaved,
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
from waypost.client.http.bounded_reading import Bounds
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
    "InvalidToken",
    "InvalidURL",
    "Listing",
    "Misbehaved",
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
