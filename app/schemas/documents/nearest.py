"""The name that was probably meant by a mistyped one.

name, names -> the most similar name, or none
"""

from collections.abc import Collection
from difflib import get_close_matches

_LIKENESS_MIN = 0.75  # below it, two names are not similar
_COMPARED_LENGTH_MAX = 64  # characters; no field has a longer name


def nearest(name: str, names: Collection[str]) -> str:
    """Find the most similar name; empty when none is similar.

    One of the same letters is: in a short name, two that are swapped are half of it.
    """
    if len(name) > _COMPARED_LENGTH_MAX:
        return ""
    by_lower = {each.lower(): each for each in sorted(names, reverse=True)}
    letters = sorted(name.lower())
    for lower, swapped in by_lower.items():
        if len(lower) == len(letters) > 1 and sorted(lower) == letters:
            return swapped
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=_LIKENESS_MIN)
    return by_lower[found[0]] if found else ""
