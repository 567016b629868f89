"""Encoder of YAML that every parser reads as the same values.

    wire shape -> bytes

Text that some parser would read as a boolean or a number is quoted.  Source:
contract.md, "Objects": responses in YAML when the client accepts only that.
"""

import yaml

from app.schemas.documents.yaml_text import plain_value


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Never write aliases: many parsers limit them."""
        return True


def _represent_text(_: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain_value(text) is text else '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", str(text), style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(str, _represent_text)  # words of an enum too


def encode_yaml(wire: object) -> bytes:
    """Encode a wire shape as one YAML document, fields in the order of its JSON."""
    return yaml.dump(
        wire, Dumper=_Dumper, sort_keys=False, allow_unicode=True, encoding="utf-8", width=1 << 20
    )
