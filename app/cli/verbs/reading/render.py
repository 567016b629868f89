"""``waypost render``: the rules of a node from manifests, without a server.

files, node -> the same NodeRules, texts and nftables as from a server
"""

import json
from collections.abc import Sequence

import click

from app.cli.manifests import read_manifests
from app.cli.options import files_option, output_option, strict_option
from app.cli.output import OutputFormat, print_result, print_text, print_warning
from app.cli.verb import verb
from app.cli.verbs.reading.rules import RulesPart, part_option, print_rules

_EXAMPLES = """
waypost render --node n1 -f examples/                    the rules of a node, without a server
waypost render --node n1 -f examples/ --part nftables    as text that nft loads
"""


@verb(examples=_EXAMPLES)
@files_option
@click.option("--node", required=True, metavar="NAME", help="The node's name.")
@part_option
@click.option("--scheduler", default="", metavar="NAME", help="Such as rr, wrr, lc or sh.")
@click.option("--masquerade-all", is_flag=True, help="Masquerade all ClusterIP traffic.")
@click.option("--cluster-cidr", default="", metavar="CIDR", help="The range of Pod addresses.")
@click.option(
    "--service-cidr",
    multiple=True,
    metavar="CIDR",
    help="A range of ClusterIPs, besides those of ServiceCIDRs in the files.",
)
@strict_option
@output_option()
def render(  # noqa: PLR0913  each parameter is an option of the command
    files: Sequence[str],
    *,
    node: str,
    part: RulesPart | None,
    scheduler: str,
    masquerade_all: bool,
    cluster_cidr: str,
    service_cidr: Sequence[str],
    strict: bool,
    output: OutputFormat,
) -> None:
    """Make the rules of a node from manifests, without a server."""
    if not files:
        raise click.BadParameter("which files? Name them with -f")
    # Slow to load, by a second, which other verbs need not spend.
    from app.cli.contents import contents_of  # noqa: PLC0415
    from app.cli.rendering import rendering_of, without_address  # noqa: PLC0415
    from app.domain.dataplane.ipvs.script import Part, encode_part  # noqa: PLC0415
    from app.domain.dataplane.nftables.text import encode as encode_nftables  # noqa: PLC0415

    given = {
        "masqueradeAll": masquerade_all,
        "scheduler": scheduler,
        "clusterCIDR": cluster_cidr,
        "serviceCIDRs": [*service_cidr],
    }
    config = {name: value for name, value in given.items() if value}
    contents = contents_of(read_manifests(files), is_strict=strict)
    for warning in contents.warnings():
        print_warning(warning)
    rendering = rendering_of(contents, node, config)
    for name in without_address(rendering):
        print_warning(f"the Service {name} has no clusterIP here, so it has no rules")
    if part is RulesPart.NFTABLES:
        print_text(encode_nftables(rendering.rules()))
    elif part is not None:
        print_text(encode_part(rendering.ipvs(), Part(part.value)))
    else:
        print_result(json.loads(rendering.json()), output, print_rules)
