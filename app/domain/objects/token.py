"""A Token: a credential that Waypost issues once, and then knows by its digest.

    RESOURCE of Token

Values only; the form of the text is ``app.domain.access.tokens``.
Source: access.md 1.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.objects.resource import METADATA_NAME, Field, Object, Resource, Term

OF_USER = "token-user"  # families of index terms
OF_NAMESPACE = "token-namespace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(Object):
    """A token whose id is its name.

    It is revoked with its ``bound_namespace``, if it has one.  ``digest`` is the SHA-256 of its
    text, in hexadecimal.  ``last_used_at`` is not stored here, but added to answers.
    """

    user: str = ""
    groups: tuple[str, ...] = ()
    expires_at: datetime | None = None
    bound_namespace: str = ""
    description: str = ""
    digest: str = field(default="", repr=False)
    created_by: str = ""
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def ended_at(self) -> datetime | None:
        """The time of its revocation or expiry, the earlier of both; None without an end."""
        return min(filter(None, (self.expires_at, self.revoked_at)), default=None)


def _terms(token: Token) -> Iterator[Term]:
    yield (OF_USER, token.user)
    if token.bound_namespace:
        yield (OF_NAMESPACE, token.bound_namespace)


TOKEN = Resource(
    name="Token",
    plural="tokens",
    api_version="access.waypost/v1",
    type=Token,
    is_namespaced=False,
    is_internal=True,
    status_fields=("created_by", "revoked_at", "last_used_at"),
    fields={
        **METADATA_NAME,
        "spec.user": Field[Token](values=lambda token: (token.user,), index=OF_USER),
    },
    index_terms=_terms,
)
