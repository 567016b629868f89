"""What a request would do, in the terms that authorisers decide by (access.md section 2.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """One verb on one resource, or on a path that is no resource.

    `namespace` is empty at the cluster scope, `name` where the request names no object. A path has
    the method in lower case as its verb, and nothing else. `field_selector` holds the exact
    requirements of a list or watch; only the node authoriser reads it.
    """

    verb: str
    api_group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: Mapping[str, str] = field(default_factory=dict[str, str])
