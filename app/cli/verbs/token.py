"""``waypost token``: creates, lists and revokes tokens.

    a user -> POST /tokens -> only the text on the standard output, once
    GET /tokens -> Sheet          ids, a user or a node -> one DELETE each

Source: access.md 1.2 and 1.8.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from app.cli.client import Api
from app.cli.columns import sheet
from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.options import API, ApiOption, OutputOption, connect, object_path
from app.cli.output import (
    OutputFormat,
    print_document,
    print_sheet,
    print_text,
    say,
    stderr,
)
from app.domain.access.dns_replicas import USER_NAME as REPLICA
from app.domain.access.subjects import AUTHENTICATED, node_user_name, service_account_name
from app.domain.objects.meta import format_time
from app.domain.objects.token import TOKEN

BREAK_GLASS = "waypost.break-glass"
"""Key of the command line's ``meta``: the function that writes an administrator's token to the
database, set by ``app.__main__``, as nothing here can reach the database."""

UserOption = Annotated[str, typer.Option("--user", metavar="USER", help="The user it is for.")]
GroupOption = Annotated[
    list[str] | None, typer.Option("--group", metavar="GROUP", help="A group of that user.")
]
NodeOption = Annotated[str, typer.Option("--node", metavar="NODE", help="For a node's agent.")]
DnsOption = Annotated[bool, typer.Option("--dns", help="For DNS replicas.")]
ServiceAccountOption = Annotated[
    str, typer.Option("--service-account", metavar="NS/NAME", help="For a service account.")
]
DaysOption = Annotated[
    int | None,
    typer.Option(
        "--days",
        min=1,
        help="Until it expires: 90 when absent, without end for agents and replicas.",
    ),
]
DescriptionOption = Annotated[str, typer.Option(help="What it is used for.")]
AdminOption = Annotated[
    bool, typer.Option("--admin", help="With --database: for everything, without a check.")
]
DatabaseOption = Annotated[
    bool, typer.Option("--database", help="Write to WAYPOST_DATABASE_URL, without the API.")
]


def create(  # noqa: PLR0913  each parameter is an option of the command
    context: typer.Context,
    *,
    user: UserOption = "",
    group: GroupOption = None,
    node: NodeOption = "",
    dns: DnsOption = False,
    service_account: ServiceAccountOption = "",
    days: DaysOption = None,
    description: DescriptionOption = "",
    admin: AdminOption = False,
    database: DatabaseOption = False,
    output: OutputOption = OutputFormat.TABLE,
    api: ApiOption = API,
) -> None:
    """Create a token and print it once; for yourself unless another user is named."""
    if admin != database:
        raise typer.BadParameter("--admin and --database belong together")
    named = _named_user(user, node, service_account, is_dns=dns)
    if admin:
        if named or group or days or description:
            raise typer.BadParameter("--admin excludes all other options of the token")
        made = _break_glass(context)
    else:
        server = connect(context, api)
        spec = _spec(named, group or ()) if named else _own_spec(server, group)
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


def list_tokens(  # noqa: PLR0913  each parameter is an option of the command
    context: typer.Context,
    *,
    user: Annotated[str, typer.Option("--user", metavar="USER", help="Of one user.")] = "",
    node: Annotated[str, typer.Option("--node", metavar="NODE", help="Of a node's agent.")] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Also tokens that are revoked or have expired.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
    api: ApiOption = API,
) -> None:
    """List the tokens in force, with their last use."""
    document = connect(context, api).ask("GET", f"/{TOKEN.plural}")
    now = datetime.now(UTC)
    named = _named_user(user, node, "", is_dns=False)
    found = [token for token in _of_user(document, named) if every or _is_in_force(token, now)]
    if output.is_document:
        print_document({**document, "items": found}, output)
    elif not found:
        say("no tokens", console=stderr())
    else:
        print_sheet(sheet(found, TOKEN, now, is_wide=output is OutputFormat.WIDE))


def revoke(
    context: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="The id of a token, as list shows it.")
    ] = None,
    *,
    user: Annotated[str, typer.Option("--user", metavar="USER", help="All tokens of a user.")] = "",
    node: Annotated[
        str, typer.Option("--node", metavar="NODE", help="All tokens of a node's agent.")
    ] = "",
    api: ApiOption = API,
) -> None:
    """Revoke tokens; every process refuses them within a second."""
    named = _named_user(user, node, "", is_dns=False)
    if bool(ids) == bool(named):
        raise typer.BadParameter("give either the ids of tokens, or a user or node")
    server = connect(context, api)
    if named:
        listed, now = server.ask("GET", f"/{TOKEN.plural}"), datetime.now(UTC)
        in_force = (token for token in _of_user(listed, named) if _is_in_force(token, now))
        ids = [text(token, "metadata", "name") for token in in_force]
    for name in ids or ():
        revoked = server.ask("DELETE", object_path(TOKEN, "", name))
        revision = text(revoked, "metadata", "resourceVersion")
        say(f"token/{name} ", ("revoked", "red"), f" at revision {revision}")
    if not ids:
        say(f"no token of {named} is in force", console=stderr())


def _named_user(user: str, node: str, account: str, *, is_dns: bool) -> str:
    """Give the user that the options name; empty without one."""
    named = [user, node and node_user_name(node), account, REPLICA if is_dns else ""]
    given = [each for each in named if each]
    if len(given) > 1:
        raise typer.BadParameter("name one user, node, service account, or --dns")
    if account:
        namespace, slash, name = account.partition("/")
        if not (namespace and slash and name):
            raise typer.BadParameter(f"{account!r} is not NAMESPACE/NAME")
        return service_account_name(namespace, name)
    return given[0] if given else ""


def _spec(user: str, groups: Sequence[str]) -> dict[str, object]:
    return {"user": user, "groups": list(groups)}


def _own_spec(server: Api, groups: Sequence[str] | None) -> dict[str, object]:
    """Ask the server for the caller's user; the group of authenticated users is implied."""
    review = server.ask("GET", "/whoami")
    user, own = mapping(review, "status", "userInfo"), texts(review, "status", "userInfo", "groups")
    held = [group for group in own if group != AUTHENTICATED]
    return _spec(text(user, "username"), groups or held)


def _end(days: int) -> datetime:
    # A whole minute: a clock a little ahead of the server's stays within the server's bound.
    return (datetime.now(UTC) + timedelta(days=days)).replace(second=0, microsecond=0)


def _of_user(document: Json, user: str) -> Iterator[Json]:
    for token in mappings(document, "items"):
        if not user or text(token, "spec", "user") == user:
            yield token


def _is_in_force(token: Json, now: datetime) -> bool:
    end = text(token, "spec", "expiresAt")
    # Both are RFC 3339 in UTC, to the second, and so in the order of their letters.
    return not text(token, "status", "revokedAt") and (not end or end > format_time(now))


def _break_glass(context: typer.Context) -> Json:
    make: Callable[[], Json] | None = context.meta.get(BREAK_GLASS)
    if make is None:
        raise typer.BadParameter("this command line cannot reach a database")
    return make()


def _print_made(made: Json) -> None:
    spec_user, groups = text(made, "spec", "user"), texts(made, "spec", "groups")
    end = text(made, "spec", "expiresAt")
    say(
        f"token {text(made, 'metadata', 'name')} of {spec_user}",
        f" ({', '.join(groups)})" if groups else "",
        f", until {end}" if end else ", without end",
        "; it is shown only now:",
        console=stderr(),
    )
    print_text(text(made, "status", "token"))


VERBS: Mapping[str, Callable[..., None]] = {
    "create": create,
    "list": list_tokens,
    "revoke": revoke,
}
