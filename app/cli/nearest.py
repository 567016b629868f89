"""What was probably meant by a mistyped kind, name, namespace or setting.

word, known words -> ": did you mean "services"?",  or nothing

The rule of likeness is the server's own.
"""

from collections.abc import Collection


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Word the hint that follows a refusal; empty when nothing is similar."""
    from app.schemas.documents.nearest import nearest  # noqa: PLC0415  for mistakes alone

    meant = nearest(word, known)
    return f': did you mean "{meant}"?' if meant else ""
