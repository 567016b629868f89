"""What an API says when it says no, in words for a log.

answer -> reason and message of its Status, both empty where it is none
answer -> "it answers 421: this server is not known as …"
"""

from typing import Any

from app.client.bounded_reading import Answer
from app.client.errors import BadAnswer
from app.client.foreign_text import shown
from app.client.json_reading import parse_json

WORDS_CHARACTERS_MAX = 1_000  # of what an answer says; a log line is no place for a page
VALUES_MAX = 10_000  # of a refusal that is looked at


def said(answer: Answer) -> tuple[str, str]:
    """Give the reason and the message of a refusal."""
    try:
        status: Any = parse_json(answer.body, values_max=VALUES_MAX)
        words = str(status["message"])
    except (BadAnswer, LookupError, TypeError):
        return "", ""
    return str(status.get("reason", "")), shown(words, WORDS_CHARACTERS_MAX)


def problem_of(answer: Answer) -> str:
    """Say that an answer is a refusal, and why where it says so."""
    _, message = said(answer)
    return f"it answers {answer.status_code}{': ' if message else ''}{message}"
