"""The text in which a client is told where the next page of a list begins.

    (revision, last key) <-> text

A token is ours when it is spelt exactly as we would spell it: every field, its type,
and nothing beside.  Clients take it for opaque.  Source: spec kubernetes-api 5.3.
"""

import base64
import json
from contextlib import suppress

from app.domain.errors import BadRequest
from app.domain.names import NamespacedName, Revision, label_problems, subdomain_problems
from app.domain.objects.resource import AnyResource

TOKEN_CHARACTERS_MAX = 1_024  # the longest namespace and name make half of it
_VERSION = "meta.k8s.io/v1"
_NOT_VALID = "continue key is not valid"


def format_token(revision: Revision, after: NamespacedName) -> str:
    """Write that the next page has what comes after a key, as of a revision."""
    start = {"v": _VERSION, "rv": revision, "start": [after.namespace, after.name]}
    return base64.urlsafe_b64encode(json.dumps(start).encode()).decode().rstrip("=")


def parse_token(token: str, kind: AnyResource, namespace: str) -> tuple[Revision, NamespacedName]:
    """Read the token of a list of a kind, in a namespace or, where that is empty, in all.

    Raises BadRequest for what ``format_token`` cannot have written for such a list.
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
    """Whether a list can hold an object of that key."""
    if subdomain_problems(key.name):
        return False
    if not kind.is_namespaced:
        return not key.namespace
    return not label_problems(key.namespace) and namespace in ("", key.namespace)
