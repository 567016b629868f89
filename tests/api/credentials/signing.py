"""Keys of an issuer, and tokens that it signs."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry, serialize_compact
from joserfc.registry import Header

from app.api.credentials.jwt import KeySet, parse_key_set

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER = "https://issuer.example"
Key = RSAKey | ECKey
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
)
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class _AnyHeader(JWSRegistry):
    max_payload_length = 1_000_000

    def check_header(self, header: Header) -> None:
        """Sign whatever a test wants to be refused."""


@cache
def key_for(algorithm: str, number: int = 0) -> Key:
    """Make a key for an algorithm, the same for the same number."""
    del number
    if algorithm in _CURVES:
        return ECKey.generate_key(_CURVES[algorithm])
    return RSAKey.generate_key(2048)


def jwk_of(key: Key, **parameters: object) -> dict[str, Any]:
    """Give the public part of a key, with further parameters."""
    return {**key.as_dict(private=False), "kid": "k", **parameters}


def key_set(*jwks: Mapping[str, object]) -> KeySet:
    """Read keys as those of an issuer."""
    return parse_key_set(octets_of(*jwks))


def octets_of(*jwks: Mapping[str, object]) -> bytes:
    """Write keys as an issuer does."""
    return json.dumps({"keys": jwks}).encode()


def claims(**others: object) -> dict[str, Any]:
    """Give good claims, with some of them replaced; None removes one."""
    good = {
        "iss": ISSUER,
        "aud": "waypost",
        "username": "alice",
        "groups": ["dev"],
        "exp": AT + 600,
        "iat": AT - 10,
    }
    return {name: value for name, value in {**good, **others}.items() if value is not None}


def signed(
    payload: Mapping[str, object] | bytes | None = None,
    *,
    key: Key | None = None,
    algorithm: str = "ES256",
    **header: object,
) -> str:
    """Sign claims; the header has `kid` unless it is replaced."""
    octets = payload if isinstance(payload, bytes) else json.dumps(payload or claims()).encode()
    protected: dict[str, Any] = {"alg": algorithm, "kid": "k", **header}
    registry = _AnyHeader(algorithms=ALGORITHMS)
    return serialize_compact(protected, octets, key or key_for(algorithm), registry=registry)


def with_header(token: str, octets: bytes) -> str:
    """Replace the header of a token, whose signature then no longer fits."""
    return ".".join((encoded(octets), *token.split(".")[1:]))


def encoded(octets: bytes) -> str:
    """Encode octets as the parts of a token are."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
