"""The form of our own bearer tokens, and whether one is good at a given time.

    kind, random letters -> text        text -> ParsedToken | TokenFault
    text, stored tokens by id, now -> StoredToken | TokenFault
    snapshot -> stored tokens by id

A token is `wpu_`, `wpn_` or `wpd_`, then 12 characters of id, 32 of secret and 6 of checksum, all
of them letters and digits.  The checksum lets a scanner be certain without asking the server.  At
rest only the SHA-256 of the whole token exists: a secret of 190 bits needs no slow hash.

Source: spec access 1.2; RFC 1952 section 8 (CRC-32).
"""

import hashlib
import hmac
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.domain.access.subjects import User
from app.domain.names import NamespacedName
from app.domain.objects.token import TOKEN, Token
from app.domain.persistent import PMap
from app.domain.snapshot import Snapshot

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_CHARACTERS: Final = 12
_SECRET_CHARACTERS: Final = 32  # 190 bits
RANDOM_CHARACTERS: Final = _ID_CHARACTERS + _SECRET_CHARACTERS
_CHECKSUM_CHARACTERS: Final = 6  # 62 ** 6 > 2 ** 32
_TOKEN: Final = re.compile(
    rf"(?P<kind>wp[und])_(?P<id>[0-9A-Za-z]{{{_ID_CHARACTERS}}})"
    rf"[0-9A-Za-z]{{{_SECRET_CHARACTERS}}}(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_CHARACTERS}}})"
)
_PREFIXED: Final = re.compile(r"wp[und]_")
_NO_DIGEST: Final = bytes(32)


class TokenKind(StrEnum):
    """Whom a token is for, as its prefix says."""

    USER = "wpu"  # also service accounts
    NODE = "wpn"
    REPLICA = "wpd"


class TokenFault(StrEnum):
    """Why a token is refused."""

    FORM = "form"
    CHECKSUM = "checksum"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedToken:
    """A well-formed token; its secret is not kept apart."""

    kind: TokenKind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token as every process has it: who it is for, until when, and the digest of its text."""

    id: str
    digest: bytes
    user: User
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class StoredTokens(Mapping[str, StoredToken]):
    """The tokens of one revision by their ids.

    A view of the snapshot's own map: nothing is built for it, so a request pays one look-up
    however many tokens there are, and obeys a revocation exactly from its revision on.
    """

    def __init__(self, tokens: PMap[NamespacedName, Token]) -> None:
        self._tokens = tokens

    def __getitem__(self, id_: str) -> StoredToken:
        """Give a token; raises KeyError."""
        return _stored(self._tokens[NamespacedName("", id_)])

    def __iter__(self) -> Iterator[str]:
        """Yield the ids."""
        return (key.name for key in self._tokens)

    def __len__(self) -> int:
        """Count the tokens."""
        return len(self._tokens)


def make_token(kind: TokenKind, letters: str) -> str:
    """Compose a token of `RANDOM_CHARACTERS` random letters of `ALPHABET`."""
    body = f"{kind}_{letters}"
    token = body + _checksum(body)
    assert _TOKEN.fullmatch(token), "the letters have their number and alphabet"
    return token


def is_ours(text: str) -> bool:
    """Whether a bearer token claims to be of this form, whatever follows its prefix."""
    return _PREFIXED.match(text) is not None


def parse_token(text: str) -> ParsedToken | TokenFault:
    """Check form and checksum, which needs no knowledge of the tokens that exist."""
    if (found := _TOKEN.fullmatch(text)) is None:
        return TokenFault.FORM
    if found["checksum"] != _checksum(text[:-_CHECKSUM_CHARACTERS]):
        return TokenFault.CHECKSUM
    return ParsedToken(kind=TokenKind(found["kind"]), id=found["id"])


def id_of(token: str) -> str:
    """Give the id in a well-formed token."""
    parsed = parse_token(token)
    assert isinstance(parsed, ParsedToken), "it was made by make_token"
    return parsed.id


def digest_of(token: str) -> bytes:
    """Digest a token for its storage, and for comparison with what is stored: 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def check_token(
    text: str, stored_by_id: Mapping[str, StoredToken], *, now: datetime
) -> StoredToken | TokenFault:
    """Find the stored token that a text is, if it is in force.

    An unknown id costs as much as a known one with another secret, and both are `UNKNOWN`: the
    time that an answer takes tells nothing about which ids exist.  There is no leeway: the clock
    that issued a token is the clock that checks it.
    """
    parsed = parse_token(text)
    if isinstance(parsed, TokenFault):
        return parsed
    stored = stored_by_id.get(parsed.id)
    is_same = hmac.compare_digest(digest_of(text), _NO_DIGEST if stored is None else stored.digest)
    if stored is None or not is_same:
        return TokenFault.UNKNOWN
    if stored.revoked_at is not None:
        return TokenFault.REVOKED
    if stored.expires_at is not None and now >= stored.expires_at:
        return TokenFault.EXPIRED
    return stored


def stored_by_id(snapshot: Snapshot) -> Mapping[str, StoredToken]:
    """Give the tokens of a snapshot by their ids."""
    return StoredTokens(snapshot.of(TOKEN))


def _stored(token: Token) -> StoredToken:
    return StoredToken(
        id=token.metadata.name,
        digest=bytes.fromhex(token.digest),
        user=User(name=token.user, groups=token.groups),
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


def _checksum(body: str) -> str:
    """CRC-32 as a number of base 62, the most significant digit first, padded with zeros."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
