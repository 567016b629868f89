"""Plain values to YAML text that every reader takes for the same values.

    wire shape -> bytes

Text that some reader would take for a boolean or a number is quoted.  Source:
contract.md, "Objects": responses in YAML when the client accepts only that.
"""

import yaml

from app.schemas.documents.yaml_text import plain_value


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Write equal parts out: readers that bound aliases are common."""
        return True


def _represent_text(_: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain_value(text) is text else '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", str(text), style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(str, _represent_text)  # words of an enum too


def encode_yaml(wire: object) -> bytes:
    """Spell a wire shape as one YAML document, fields in the order of its JSON."""
    return yaml.dump(
        wire, Dumper=_Dumper, sort_keys=False, allow_unicode=True, encoding="utf-8", width=1 << 20
    )
