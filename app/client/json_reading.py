"""Parses JSON from servers within a bound on its number of values.

    octets -> document, or RegistryMisbehaved

``[],[],[]`` takes three octets per value on the wire and twenty times that in memory, so
octets alone are no bound.  The number of commas and opening brackets is at least that
of the values, and cheap to count.
"""

import json
from typing import Final

from app.client.errors import RegistryMisbehaved
from app.domain.errors import DomainError

UNREADABLE: Final = (
    DomainError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""The exceptions of decoding for a document of an unexpected shape."""


def values_in(octets: bytes) -> int:
    """Return an upper bound of the number of values (less one)."""
    return octets.count(b",") + octets.count(b"[") + octets.count(b"{")


def parse_json(octets: bytes, *, values_max: int) -> object:
    """Parse a document; raises RegistryMisbehaved if it is invalid, large or deeply nested."""
    if values_in(octets) > values_max:
        raise RegistryMisbehaved(f"its JSON has more than {values_max} values")
    try:
        return json.loads(octets)
    except UnicodeDecodeError:
        raise RegistryMisbehaved("its JSON is not written in UTF-8") from None
    except ValueError:
        raise RegistryMisbehaved("its answer is not JSON") from None
    except RecursionError:
        raise RegistryMisbehaved("its JSON is nested too deeply") from None
