"""Signed tokens of an issuer: their form, the key that fits, and the signature.

    text -> SignedToken | Refused         octets of a JWK set -> KeySet
    SignedToken, KeySet -> the one key that fits | None          token, key -> is it signed so

Everything that can be refused without a key is refused before a key is looked for.  The library
checks the signature and nothing else; which algorithms, keys and headers are good is decided
here.  It is the only module that knows the library.

Source: spec access 1.3 and 1.12; RFC 7515, 7517, 7518 section 3, 7519 section 4, 8725, 9068.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact
from joserfc.registry import Header

from app.api.credentials.outcomes import Failure, Method, Refused
from app.domain.errors import BadRequest
from app.schemas.documents.json_text import read_json

TOKEN_CHARACTERS_MAX: Final = 16_384
KEYS_MAX: Final = 256  # of one issuer; more are dropped
_RSA_BITS_MIN: Final = 2_048  # RFC 7518 section 3.3
_RSA_BITS_MAX: Final = 8_192  # a longer key only costs time
_CURVES: Final[Mapping[str, str]] = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_RSA_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_ALGORITHMS: Final = _RSA_ALGORITHMS | _CURVES.keys()
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_NO_SIGNATURE_AFTER: Final = 1  # of four characters: that many leave no whole octet

Fields = Mapping[str, object]


class _SignatureOnly(JWSRegistry):
    """The library's registry without its own opinion of headers and sizes."""

    max_header_length = max_payload_length = max_signature_length = TOKEN_CHARACTERS_MAX

    def check_header(self, header: Header) -> None:
        """Leave all parameters to `read_jwt`, which has checked or skipped them."""


_REGISTRY: Final = _SignatureOnly(algorithms=sorted(_ALGORITHMS), strict_check_header=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedToken:
    """A token of good form, whose signature has not been checked yet."""

    text: str = field(repr=False)
    algorithm: str
    key_id: str | None
    claims: Fields = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """A public key of an issuer that signatures may be checked with."""

    id: str | None
    algorithm: str | None
    curve: str | None  # None for RSA
    material: tuple[str, ...]  # the numbers of the key, as its set has them
    public: RSAKey | ECKey = field(repr=False, compare=False)

    def fits(self, algorithm: str) -> bool:
        """Whether type, curve and declared algorithm of the key allow this one."""
        if self.algorithm not in (None, algorithm):
            return False
        return self.curve == _CURVES.get(algorithm)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of one issuer."""

    keys: tuple[VerificationKey, ...] = ()

    def find(self, token: SignedToken) -> VerificationKey | None:
        """Find the one key that fits; None if there is none, or if several do."""
        fitting = [
            key for key in self.keys if key.fits(token.algorithm) and token.key_id in (None, key.id)
        ]
        return fitting[0] if len(fitting) == 1 else None


def read_jwt(text: str) -> SignedToken | Refused:
    """Check the form of a token, and of its header, without any key."""
    if len(text) > TOKEN_CHARACTERS_MAX:
        return _refused(Failure.SIZE)
    parts = text.split(".")
    if len(parts) != 3 or _decoded(parts[2]) is None:  # noqa: PLR2004  header, payload, signature
        return _refused(Failure.FORM)
    header, claims = _object(parts[0]), _object(parts[1])
    if header is None or claims is None:
        return _refused(Failure.FORM)
    if (fault := _fault_of(header)) is not None:
        return _refused(fault)
    return SignedToken(
        text=text,
        algorithm=str(header["alg"]),
        key_id=cast("str | None", header.get("kid")),
        claims=claims,
    )


def is_signed_by(token: SignedToken, key: VerificationKey) -> bool:
    """Check the signature; the key is one that `KeySet.find` has found."""
    try:
        deserialize_compact(token.text, key.public, registry=_REGISTRY)
    except (JoseError, ValueError):
        return False
    return True


def parse_key_set(octets: bytes) -> KeySet:
    """Read a JWK set; keys that cannot check signatures are left out.

    Raises ValueError when the octets are no set of keys.
    """
    try:
        document = read_json(octets.decode()).value
    except (UnicodeDecodeError, BadRequest) as error:
        raise ValueError(f"the key set is not JSON: {error}") from error
    listed = cast("Fields", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("the key set has no list of keys")  # noqa: TRY004  of the document
    keys = [_key(cast("Fields", each)) for each in cast("list[object]", listed)[:KEYS_MAX]]
    return KeySet(tuple(key for key in keys if key is not None))


def _fault_of(header: Fields) -> Failure | None:
    """Find what of a header is refused; parameters that name a key are not looked at."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        return Failure.ALGORITHM
    if "crit" in header or header.get("b64", True) is not True:
        return Failure.CRITICAL
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        return Failure.TYPE
    return None if isinstance(header.get("kid", ""), str) else Failure.FORM


def _key(jwk: object) -> VerificationKey | None:
    """Read one key; None for those that are symmetric, too short, or not for signatures."""
    if not isinstance(jwk, dict):
        return None
    values = cast("Fields", jwk)
    operations = values.get("key_ops", ["verify"])
    if values.get("use", "sig") != "sig" or not isinstance(operations, list):
        return None
    if "verify" not in operations:
        return None
    curve = values.get("crv")
    try:
        public = _public(values)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    named = [values.get(name) for name in ("kid", "alg")]
    if public is None or not all(name is None or isinstance(name, str) for name in named):
        return None
    return VerificationKey(
        id=cast("str | None", named[0]),
        algorithm=cast("str | None", named[1]),
        curve=str(curve) if isinstance(public, ECKey) else None,
        material=tuple(str(values.get(name)) for name in ("n", "e", "x", "y")),
        public=public,
    )


def _public(values: Fields) -> RSAKey | ECKey | None:
    """Import the public part of a key, so that no private part is ever held."""
    texts = {name: values[name] for name in ("n", "e", "x", "y", "crv") if name in values}
    if not all(isinstance(text, str) for text in texts.values()):
        return None
    public = cast("dict[str, str]", texts)
    match values.get("kty"):
        case "RSA":
            bits = int.from_bytes(_decoded(public["n"]) or b"").bit_length()
            if not _RSA_BITS_MIN <= bits <= _RSA_BITS_MAX:
                return None
            return RSAKey.import_key({"kty": "RSA", "n": public["n"], "e": public["e"]})
        case "EC" if public["crv"] in _CURVES.values():
            point = {name: public[name] for name in ("crv", "x", "y")}
            return ECKey.import_key({"kty": "EC", **point})
        case _:
            return None


def _object(part: str) -> Fields | None:
    """Decode a part that is a JSON object with no name twice (RFC 7519 section 4)."""
    if (octets := _decoded(part)) is None:
        return None
    try:
        parsed = read_json(octets.decode())
    except (UnicodeDecodeError, BadRequest):
        return None
    value = parsed.value
    is_whole = isinstance(value, dict) and not parsed.duplicates
    return cast("Fields", value) if is_whole else None


def _decoded(part: str) -> bytes | None:
    """Decode base64url without padding, of at least one octet."""
    if _PART.fullmatch(part) is None or len(part) % 4 == _NO_SIGNATURE_AFTER:
        return None
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _refused(failure: Failure) -> Refused:
    return Refused(failure, Method.JWT)
