"""``waypost can-i``: whether the caller may do something; exits with 1 if not.

verb, resource or path -> POST /can-i -> yes | no - reason

Source: access.md 2.11; kubectl's `auth can-i`.
"""

import click

from app.cli.fields import Json, text
from app.cli.kinds import KINDS_BY_WORD, word_and_name
from app.cli.options import api_option, connect, namespace_option, output_option
from app.cli.output import OutputFormat, print_document, say
from app.cli.setup.contexts import default_namespace
from app.cli.verb import verb

_EXAMPLES = """
waypost can-i delete svc -n dev        yes or no; exits with 1 if not
waypost can-i get pods --subresource status
"""


@verb("can-i", examples=_EXAMPLES)
@click.argument("verb", metavar="VERB", help="Such as get, create or *.")
@click.argument(
    "resource",
    metavar="RESOURCE",
    help="svc, services, tokens.access.waypost, svc/ent; or a /path.",
)
@click.argument("name", metavar="[NAME]", default="", help="One object.")
@namespace_option("")
@click.option("--all-namespaces", "-A", is_flag=True, help="In every namespace.")
@click.option("--subresource", default="", help="Such as status.")
@output_option()
@api_option
@click.pass_context
def can_i(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    verb: str,
    resource: str,
    name: str,
    *,
    namespace: str,
    all_namespaces: bool,
    subresource: str,
    output: OutputFormat,
    api: str,
) -> None:
    """Ask whether you may do something; exits with 1 if not."""
    if resource.startswith("/"):
        spec: Json = {"nonResourceAttributes": {"path": resource, "verb": verb}}
    else:
        word, name = word_and_name(resource, name)
        asked = {
            "verb": verb,
            **_resource(word),
            "subresource": subresource,
            "namespace": _namespace(word, namespace, in_all=all_namespaces),
            "name": name,
        }
        spec = {"resourceAttributes": {key: value for key, value in asked.items() if value}}
    review = connect(context, api).ask("POST", "/can-i", body=_review(spec))
    if not _print_answer(review, output):
        context.exit(1)


def _print_answer(review: Json, output: OutputFormat) -> bool:
    """Print whether the server allows it, and give that."""
    is_allowed = text(review, "status", "allowed") == "true"
    if output.is_document:
        print_document(review, output)
    elif is_allowed:
        say(("yes", "green"))
    else:
        reason = text(review, "status", "reason")
        say(("no", "red"), f" - {reason}" if reason else "")
    return is_allowed


def _review(spec: Json) -> Json:
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": spec,
    }


def _resource(word: str) -> dict[str, str]:
    """Give plural and group of a kind's word; of any other, what is before and after its dot."""
    kind = KINDS_BY_WORD.get(word.lower())
    if kind is not None:
        return {"resource": kind.plural, "group": kind.group}
    resource, _, group = word.partition(".")
    return {"resource": resource, "group": group}


def _namespace(word: str, namespace: str, *, in_all: bool) -> str:
    """Give the namespace that is asked about; of a kind in namespaces it is the default one."""
    kind = KINDS_BY_WORD.get(word.lower())
    if in_all or (kind is not None and not kind.is_namespaced):
        return ""
    return namespace or (default_namespace() if kind is not None else "")
