"""What can go wrong with an answer; each client gives it a name of its own.

The words begin where the URL ends: ``http://10.0.0.1:8053`` + ": " + words.
"""


class NoAnswer(Exception):
    """Nothing answers, the answer breaks off, or it takes too long."""


class BadAnswer(Exception):
    """What answers breaks a bound, or does not speak as a registry's API does."""
