"""JSON of others: read within a bound on its values.

    octets -> document, or RegistryMisbehaved

``[],[],[]`` takes three octets a value where it is sent, and twenty times that
where it is held, so octets alone are no bound.  Commas and opening brackets are
at least as many as values, and counting them costs next to nothing.
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
"""What decoding raises for a document of any other shape than ours."""


def values_in(octets: bytes) -> int:
    """Count what no fewer values could be written with."""
    return octets.count(b",") + octets.count(b"[") + octets.count(b"{")


def parse_json(octets: bytes, *, values_max: int) -> object:
    """Read a document; raises RegistryMisbehaved for none, a large or a deeply nested one."""
    if values_in(octets) > values_max:
        raise RegistryMisbehaved(f"its JSON has more than {values_max} values")
    try:
        return json.loads(octets)
    except UnicodeDecodeError:
        raise RegistryMisbehaved("its JSON is not written in UTF-8") from None
    except ValueError:
        raise RegistryMisbehaved("what it sends is not JSON") from None
    except RecursionError:
        raise RegistryMisbehaved("its JSON is nested too deeply") from None
