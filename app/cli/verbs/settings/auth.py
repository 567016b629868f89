"""``waypost auth``: ``can-i`` and ``whoami`` under the name that kubectl has for them.

Source: kubectl `pkg/cmd/auth/auth.go`.
"""

import click

from app.cli.verbs.settings.can_i import can_i
from app.cli.verbs.settings.whoami import whoami

auth = click.Group(
    "auth",
    commands={"can-i": can_i, "whoami": whoami},
    help="Say who you are, and what you may do.",
    no_args_is_help=True,
)
