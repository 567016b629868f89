"""``waypost token``: creates, lists and revokes tokens.

    a user -> POST /tokens -> only the text on the standard output, once
    GET /tokens -> Sheet          ids, a user or a node -> one DELETE each

Source: access.md 1.2 and 1.8.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import click

from app.cli.client import Api
from app.cli.columns import sheet
from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.kinds import kind_named, object_path
from app.cli.options import BREAK_GLASS, api_option, connect, output_option
from app.cli.output import OutputFormat, print_document, print_sheet, print_text, say
from app.domain.objects.meta import format_time

TOKEN = kind_named("token")


@click.group(no_args_is_help=True)
def token() -> None:
    """Create, list and revoke tokens."""


@token.command()
@click.option("--user", default="", metavar="USER", help="The user it is for.")
@click.option("--group", multiple=True, metavar="GROUP", help="A group of that user.")
@click.option("--node", default="", metavar="NODE", help="For a node's agent.")
@click.option("--dns", is_flag=True, help="For DNS replicas.")
@click.option("--service-account", default="", metavar="NS/NAME", help="For a service account.")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    help="Until it expires: 90 when absent, without end for agents and replicas.",
)
@click.option("--description", default="", help="What it is used for.")
@click.option("--admin", is_flag=True, help="With --database: for everything, without a check.")
@click.option("--database", is_flag=True, help="Write to WAYPOST_DATABASE_URL, without the API.")
@output_option()
@api_option
@click.pass_context
def create(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    *,
    user: str,
    group: Sequence[str],
    node: str,
    dns: bool,
    service_account: str,
    days: int | None,
    description: str,
    admin: bool,
    database: bool,
    output: OutputFormat,
    api: str,
) -> None:
    """Create a token and print it once; for yourself unless another user is named."""
    if admin != database:
        raise click.BadParameter("--admin and --database belong together")
    named = _named_user(user, node, service_account, is_dns=dns)
    if admin:
        if named or group or days or description:
            raise click.BadParameter("--admin excludes all other options of the token")
        made = _break_glass(context)
    else:
        server = connect(context, api)
        spec = _spec(named, group) if named else _own_spec(server, group)
        if days is not None:
            spec["expiresAt"] = format_time(_end(days))
        if description:
            spec["description"] = description
        document = {"apiVersion": TOKEN.api_version, "kind": TOKEN.name, "spec": spec}
        made = server.ask("POST", f"/{TOKEN.plural}", body=document)
    if output.is_document:
        print_document(made, output)
    else:
        _print_made(made)


@token.command("list")
@click.option("--user", default="", metavar="USER", help="Of one user.")
@click.option("--node", default="", metavar="NODE", help="Of a node's agent.")
@click.option("--all", "every", is_flag=True, help="Also tokens that are revoked or have expired.")
@output_option()
@api_option
@click.pass_context
def list_tokens(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context, *, user: str, node: str, every: bool, output: OutputFormat, api: str
) -> None:
    """List the tokens in force, with their last use."""
    document = connect(context, api).ask("GET", f"/{TOKEN.plural}")
    now = datetime.now(UTC)
    named = _named_user(user, node, "", is_dns=False)
    found = [each for each in _of_user(document, named) if every or _is_in_force(each, now)]
    if output.is_document:
        print_document({**document, "items": found}, output)
    elif not found:
        say("no tokens", to_stderr=True)
    else:
        print_sheet(sheet(found, TOKEN, now, is_wide=output is OutputFormat.WIDE))


@token.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, help="The id of a token, as list shows it.")
@click.option("--user", default="", metavar="USER", help="All tokens of a user.")
@click.option("--node", default="", metavar="NODE", help="All tokens of a node's agent.")
@api_option
@click.pass_context
def revoke(context: click.Context, ids: Sequence[str], *, user: str, node: str, api: str) -> None:
    """Revoke tokens; every process refuses them within a second."""
    named = _named_user(user, node, "", is_dns=False)
    if bool(ids) == bool(named):
        raise click.BadParameter("give either the ids of tokens, or a user or node")
    server = connect(context, api)
    if named:
        listed, now = server.ask("GET", f"/{TOKEN.plural}"), datetime.now(UTC)
        in_force = (each for each in _of_user(listed, named) if _is_in_force(each, now))
        ids = [text(each, "metadata", "name") for each in in_force]
    for name in ids:
        revoked = server.ask("DELETE", object_path(TOKEN, "", name))
        revision = text(revoked, "metadata", "resourceVersion")
        say(f"token/{name} ", ("revoked", "red"), f" at revision {revision}")
    if not ids:
        say(f"no token of {named} is in force", to_stderr=True)


def _named_user(user: str, node: str, account: str, *, is_dns: bool) -> str:
    """Give the user that the options name; empty without one."""
    # Kinds are slow to load, which a description of the command need not spend.
    from app.domain.access.dns_replicas import USER_NAME as REPLICA  # noqa: PLC0415
    from app.domain.access.subjects import (  # noqa: PLC0415
        node_user_name,
        service_account_name,
    )

    named = [user, node and node_user_name(node), account, REPLICA if is_dns else ""]
    given = [each for each in named if each]
    if len(given) > 1:
        raise click.BadParameter("name one user, node, service account, or --dns")
    if account:
        namespace, slash, name = account.partition("/")
        if not (namespace and slash and name):
            raise click.BadParameter(f"{account!r} is not NAMESPACE/NAME")
        return service_account_name(namespace, name)
    return given[0] if given else ""


def _spec(user: str, groups: Sequence[str]) -> dict[str, object]:
    return {"user": user, "groups": list(groups)}


def _own_spec(server: Api, groups: Sequence[str]) -> dict[str, object]:
    """Ask the server for the caller's user; the group of authenticated users is implied."""
    from app.domain.access.subjects import AUTHENTICATED  # noqa: PLC0415  as above

    review = server.ask("GET", "/whoami")
    user, own = mapping(review, "status", "userInfo"), texts(review, "status", "userInfo", "groups")
    held = [group for group in own if group != AUTHENTICATED]
    return _spec(text(user, "username"), groups or held)


def _end(days: int) -> datetime:
    # A whole minute: a clock a little ahead of the server's stays within the server's bound.
    return (datetime.now(UTC) + timedelta(days=days)).replace(second=0, microsecond=0)


def _of_user(document: Json, user: str) -> Iterator[Json]:
    for each in mappings(document, "items"):
        if not user or text(each, "spec", "user") == user:
            yield each


def _is_in_force(found: Json, now: datetime) -> bool:
    end = text(found, "spec", "expiresAt")
    # Both are RFC 3339 in UTC, to the second, and so in the order of their letters.
    return not text(found, "status", "revokedAt") and (not end or end > format_time(now))


def _break_glass(context: click.Context) -> Json:
    make: Callable[[], Json] | None = context.meta.get(BREAK_GLASS)
    if make is None:
        raise click.BadParameter("this command line cannot reach a database")
    return make()


def _print_made(made: Json) -> None:
    spec_user, groups = text(made, "spec", "user"), texts(made, "spec", "groups")
    end = text(made, "spec", "expiresAt")
    say(
        f"token {text(made, 'metadata', 'name')} of {spec_user}",
        f" ({', '.join(groups)})" if groups else "",
        f", until {end}" if end else ", without end",
        "; it is shown only now:",
        to_stderr=True,
    )
    print_text(text(made, "status", "token"))
