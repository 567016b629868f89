"""Which of several parts of the document becomes the component of their name.

    (name, part), … -> name -> the part that stands there most often, if it does so twice

Parts are compared as the text of their JSON.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Part = dict[str, Any]


class Shared:
    """The components that parts of the document can refer to."""

    def __init__(self, parts: Iterable[tuple[str, Part]]) -> None:
        """Choose from all parts, each with the name that its component would have."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for name, part in parts:
            counts[name][json.dumps(part)] += 1
        common = {name: texts.most_common(1)[0] for name, texts in counts.items()}
        self._texts = {name: text for name, (text, count) in common.items() if count > 1}

    def has(self, name: str, part: Part) -> bool:
        """Whether the part is the component of its name."""
        return self._texts.get(name) == json.dumps(part)

    def components(self) -> Mapping[str, Part]:
        """Give all components, in the order in which their names came."""
        return {name: json.loads(text) for name, text in self._texts.items()}
