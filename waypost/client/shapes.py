"""JSON of any shape: its types, and reading it as what it ought to be.

    JSON -> mapping | text, empty for another shape

Servers, and the manifests of callers, may contain anything.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    # What the name of a kind stands for.  The default needs Python 3.13, or a type checker.
    T = TypeVar("T", bound=Mapping[str, object], default=dict[str, Any])
    M = TypeVar("M", bound=Mapping[str, object])
    T_co = TypeVar("T_co", bound=Mapping[str, object], covariant=True)
else:
    from typing import TypeVar

    T, M, T_co = TypeVar("T"), TypeVar("M"), TypeVar("T_co", covariant=True)

Object = dict[str, Any]
"""An object of any kind."""


def mapping(found: object) -> Mapping[str, Any]:
    """Return a JSON object; empty for anything else."""
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def text(container: object, name: str) -> str:
    """Return a text of a JSON object; empty for anything else."""
    found = mapping(container).get(name)
    return found if isinstance(found, str) else ""
