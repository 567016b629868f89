"""Names with a pseudo-random suffix: those made from ``generateName``, and of slices.

    prefix, seed -> name        text -> suffix

Deterministic: the caller passes a seed that it has not used before.
Source: spec kubernetes-api 1.2.
"""

from hashlib import blake2b

from app.domain.names import LABEL_LENGTH_MAX

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # nothing that spells words or looks alike
SUFFIX_LENGTH = 5
_PREFIX_LENGTH_MAX = LABEL_LENGTH_MAX - SUFFIX_LENGTH


def generated_name(prefix: str, seed: int) -> str:
    """Append five characters to the prefix, which is cut so that the name fits a DNS label."""
    return prefix[:_PREFIX_LENGTH_MAX] + suffix_of(f"{seed}\0{prefix}")


def suffix_of(text: str) -> str:
    """Hash a text into five characters."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    number, suffix = int.from_bytes(digest), ""
    for _ in range(SUFFIX_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        suffix += _ALPHABET[index]
    return suffix
