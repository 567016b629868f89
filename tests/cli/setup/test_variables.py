"""A mistyped variable is named, with the one that was probably meant."""

from app.cli.setup.variables import OF_CLIENTS, OF_SERVERS, mistyped
from app.config import Settings


def test_the_names_are_those_of_the_settings() -> None:
    names = {name.upper() for name in Settings.model_fields}
    assert names - set(OF_CLIENTS) == set(OF_SERVERS)


def test_a_mistyped_variable_has_the_nearest_name() -> None:
    environment = {"WAYPOST_TOKN_FILE": "x", "WAYPOST_API": "y", "WAYPOST_API_PROT": "1"}
    assert list(mistyped(environment)) == [
        'WAYPOST_API_PROT in the environment means nothing: did you mean "WAYPOST_API_PORT"?',
        'WAYPOST_TOKN_FILE in the environment means nothing: did you mean "WAYPOST_TOKEN_FILE"?',
    ]


def test_variables_of_others_are_left_alone() -> None:
    others = {"WAYPOST_SERVICE_HOST": "x", "WAYPOST_PORT": "tcp://10.0.0.1:80", "HOME": "/"}
    assert list(mistyped(others)) == []
