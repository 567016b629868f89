"""What the API of a replica said, in words for a log.

answer -> "it answers 421: this server is not known as …"
"""

import json
from typing import Any

import httpx

WORDS_CHARACTERS_MAX = 300  # of what an answer says; a log line is no place for a page


def problem_of(answer: httpx.Response) -> str:
    """Say that an answer is a refusal, and why where it says so; its body has been read."""
    try:
        status: Any = json.loads(answer.content)
        words = str(status["message"])
    except (ValueError, LookupError, TypeError, RecursionError):
        words = ""
    shown = " ".join(words.split())[:WORDS_CHARACTERS_MAX]
    return f"it answers {answer.status_code}{': ' if shown else ''}{shown}"
