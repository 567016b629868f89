"""The ``continue`` token, which says where the next page of a list begins.

    (revision, last key) <-> text

A token is valid when it is exactly the text that ``format_token`` writes: every field, its
type, and nothing else.  To clients it is opaque.  Source: spec kubernetes-api 5.3.
"""

import base64
import json
from contextlib import suppress

from app.domain.errors import BadRequest
from app.domain.names import NamespacedName, Revision, label_problems, path_segment_problems
from app.domain.objects.resource import AnyResource

TOKEN_CHARACTERS_MAX = 8_192  # twice what the longest name of any letters needs
_VERSION = "meta.k8s.io/v1"
_NOT_VALID = "continue key is not valid"


def format_token(revision: Revision, after: NamespacedName) -> str:
    """Write the token of a page that begins after a key, at a revision."""
    start = {"v": _VERSION, "rv": revision, "start": [after.namespace, after.name]}
    return base64.urlsafe_b64encode(json.dumps(start).encode()).decode().rstrip("=")


def parse_token(token: str, kind: AnyResource, namespace: str) -> tuple[Revision, NamespacedName]:
    """Read the token of a list of a kind, in one namespace, or in all when it is empty.

    Raises BadRequest for texts that ``format_token`` cannot have written for such a list.
    """
    read: object = None
    if len(token) <= TOKEN_CHARACTERS_MAX:
        padded = token + "=" * (-len(token) % 4)
        with suppress(ValueError, RecursionError):
            read = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    match read:
        case {"rv": int(number), "start": [str(held_in), str(name)]} if type(number) is int:
            revision, after = Revision(number), NamespacedName(held_in, name)
        case _:
            raise BadRequest(_NOT_VALID)
    if (
        revision <= 0
        or not _can_be(after, kind, namespace)
        or token != format_token(revision, after)
    ):
        raise BadRequest(_NOT_VALID)
    return revision, after


def _can_be(key: NamespacedName, kind: AnyResource, namespace: str) -> bool:
    """Whether the list can contain an object with that key."""
    if not key.name or path_segment_problems(key.name):  # the widest rule of all kinds
        return False
    if not kind.is_namespaced:
        return not key.namespace
    return not label_problems(key.namespace) and namespace in ("", key.namespace)
