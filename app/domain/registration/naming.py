"""Names made from ``generateName``.

    prefix, seed -> name

Deterministic: the caller brings a seed that it has not used before.
Source: spec kubernetes-api 1.2.
"""

from hashlib import blake2b

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # nothing that spells words or looks alike
_SUFFIX_LENGTH = 5
_PREFIX_LENGTH_MAX = 58


def generated_name(prefix: str, seed: int) -> str:
    """Append five characters to the prefix, cut so that the whole fits a DNS label."""
    digest = blake2b(f"{seed}\0{prefix}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    suffix = ""
    for _ in range(_SUFFIX_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        suffix += _ALPHABET[index]
    return f"{prefix[:_PREFIX_LENGTH_MAX]}{suffix}"
