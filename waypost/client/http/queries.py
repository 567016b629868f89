"""Queries of requests, and the media type of what they send and accept.

parameters -> what a query has of them
"""

from collections.abc import Mapping
from typing import Final

JSON: Final = "application/json"

Query = Mapping[str, str]
Parameters = Mapping[str, str | bool | int | None]
"""Values of a query; those that say nothing are left out."""


def query_of(parameters: Parameters) -> dict[str, str]:
    """Write parameters as a query has them, without those that say nothing."""
    return {
        name: "true" if value is True else str(value)
        for name, value in parameters.items()
        if value is not None and value is not False and value != ""
    }
