"""Names of objects and domain names.

Parsing, formatting, validation and generation only; what a name resolves to is not known here.

    text -> problems        (empty when the text is a valid name)
    text <-> NamespacedName, DomainName
    prefix, seed -> name    (with a pseudo-random suffix)

Source: RFC 1123 section 2.1, RFC 1035 sections 2.3.1 and 3.1; spec kubernetes-api 1.2 and 1.4.
"""

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple, NewType

LABEL_LENGTH_MAX = 63  # octets of one DNS label
SUBDOMAIN_LENGTH_MAX = 253  # characters of a domain name in text form, without the final dot
WIRE_LENGTH_MAX = 255  # octets of a domain name on the wire
SEGMENT_LENGTH_MAX = 253  # characters of a name that is any segment of a path
PORT_NAME_LENGTH_MAX = 15  # characters of an IANA service name
SUFFIX_LENGTH = 5  # characters of a generated suffix

ZONE_LABEL = "topology.kubernetes.io/zone"  # of a Node, whose value names its zone

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # nothing that spells words or looks alike

Uid = NewType("Uid", str)
Revision = NewType("Revision", int)

UNASSIGNED_UID = Uid("")
REVISION_ZERO = Revision(0)  # before the first write
_REVISION_DIGITS_MAX = 18  # below 2**63

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_PORT_NAME_ALPHABET = re.compile(r"[-a-z0-9]+\Z")

_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)


def parse_revision(text: str) -> Revision:
    """Parse a resourceVersion; 0 for text that cannot be a revision of this registry."""
    return Revision(int(text)) if is_revision(text) else REVISION_ZERO


def is_revision(text: str) -> bool:
    """Whether the text has the form of a revision."""
    return text.isascii() and text.isdecimal() and len(text) <= _REVISION_DIGITS_MAX


class NamespacedName(NamedTuple):
    """The key of an object of one kind; ``namespace`` is empty for cluster-scoped kinds.

    A tuple for speed: keys are hashed and sorted very often.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def parse_namespaced_name(text: str) -> NamespacedName:
    """Parse ``namespace/name``, or ``name`` alone for a cluster-scoped object."""
    namespace, _, name = text.rpartition("/")
    return NamespacedName(namespace, name)


def generated_name(prefix: str, seed: int) -> str:
    """Append five characters to the prefix, which is cut so that the name fits a DNS label.

    The caller passes a ``seed`` that it has not used before.
    """
    return prefix[: LABEL_LENGTH_MAX - SUFFIX_LENGTH] + suffix_of(f"{seed}\0{prefix}")


def suffix_of(text: str) -> str:
    """Hash a text into five characters."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    number, suffix = int.from_bytes(digest), ""
    for _ in range(SUFFIX_LENGTH):
        number, index = divmod(number, len(_SUFFIX_ALPHABET))
        suffix += _SUFFIX_ALPHABET[index]
    return suffix


def label_problems(value: str) -> tuple[str, ...]:
    """List why ``value`` is not an RFC 1123 label, one sentence per broken rule."""
    return _problems(value, LABEL_LENGTH_MAX, _LABEL, _LABEL_RULE)


def subdomain_problems(value: str) -> tuple[str, ...]:
    """List why ``value`` is not an RFC 1123 subdomain of at most 253 characters."""
    return _problems(value, SUBDOMAIN_LENGTH_MAX, _SUBDOMAIN, _SUBDOMAIN_RULE)


def path_segment_problems(value: str) -> tuple[str, ...]:
    """List why ``value`` cannot be one segment of a path, as names of roles and bindings are.

    Kubernetes sets no bound (apimachinery `IsValidPathSegmentName`); ours keeps the name within
    an index of the store, which has no place for control characters either.
    """
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    problems = [f"may not contain '{mark}'" for mark in "/%" if mark in value]
    if len(value) > SEGMENT_LENGTH_MAX:
        problems.append(f"must be no more than {SEGMENT_LENGTH_MAX} characters")
    if _UNSTORABLE.search(value):
        problems.append("may not contain control characters")
    return tuple(problems)


def port_name_problems(value: str) -> tuple[str, ...]:
    """List why ``value`` is not an IANA service name (RFC 6335 section 5.1)."""
    problems: list[str] = []
    if len(value) > PORT_NAME_LENGTH_MAX:
        problems.append(f"must be no more than {PORT_NAME_LENGTH_MAX} characters")
    if not _PORT_NAME_ALPHABET.match(value):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= letter <= "z" for letter in value):
        problems.append("must contain at least one letter (a-z)")
    if "--" in value:
        problems.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return tuple(problems)


def _problems(value: str, length_max: int, pattern: re.Pattern[str], rule: str) -> tuple[str, ...]:
    problems: list[str] = []
    if len(value) > length_max:
        problems.append(f"must be no more than {length_max} characters")
    if not pattern.match(value):
        problems.append(rule)
    return tuple(problems)


_UNESCAPED: Final = re.compile(r"[A-Za-z0-9_-]*\Z")  # of most names


class MalformedName(ValueError):
    """The text or bytes are not a domain name."""


@dataclass(frozen=True, slots=True)
class DomainName:
    """An absolute domain name: labels from left to right, without the root.

    Comparison ignores case, as in the DNS.  ``labels`` keep their case.
    """

    labels: tuple[str, ...]
    folded: tuple[str, ...] = field(init=False, repr=False)
    """The labels with ASCII letters in lower case, for comparison."""

    def __post_init__(self) -> None:
        labels = self.labels
        text = "".join(labels)
        if labels and not (all(labels) and max(map(len, labels)) <= LABEL_LENGTH_MAX):
            raise MalformedName("a label has 1 to 63 octets")
        if len(text.encode("latin-1")) + len(labels) + 1 > WIRE_LENGTH_MAX:
            raise MalformedName("a domain name has at most 255 octets")
        # Most names are in lower case already, and then the tuple is shared.
        is_folded = text.isascii() and text == text.lower()
        object.__setattr__(self, "folded", labels if is_folded else tuple(map(_fold, labels)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DomainName) and self.folded == other.folded

    def __hash__(self) -> int:
        return hash(self.folded)

    def is_under(self, ancestor: "DomainName") -> bool:
        """Whether this name equals ``ancestor`` or lies below it."""
        depth = len(ancestor.labels)
        return depth == 0 or self.folded[-depth:] == ancestor.folded

    def relative_to(self, ancestor: "DomainName") -> tuple[str, ...]:
        """Give the labels before ``ancestor``, which this name must be under."""
        return self.labels[: len(self.labels) - len(ancestor.labels)]

    def __str__(self) -> str:
        labels = self.labels
        if _UNESCAPED.match("".join(labels)) is None:
            labels = tuple(map(_escape, labels))
        return f"{'.'.join(labels)}."


def parse_domain(text: str) -> DomainName:
    r"""Parse the presentation form, with or without the final dot; ``\.`` and ``\DDD`` escape.

    Raises MalformedName when a label is empty or too long, or the name is too long.
    """
    if text in (".", ""):
        return DomainName(())
    labels: list[str] = []
    label = ""
    position = 0
    while position < len(text):
        character = text[position]
        if character == ".":
            labels.append(label)
            label = ""
        elif character == "\\":
            character, position = _unescape(text, position)
            label += character
        else:
            label += character
        position += 1
    if label:
        labels.append(label)
    try:
        return DomainName(tuple(labels))
    except UnicodeEncodeError as error:
        raise MalformedName("a label holds octets only") from error


def _fold(label: str) -> str:
    # RFC 4343: only ASCII letters have case in the DNS.
    if label.isascii():
        return label.lower()
    return label.encode("latin-1").lower().decode("latin-1")


def _escape(label: str) -> str:
    if label.isascii() and label.isprintable() and not any(mark in label for mark in '.\\ "();@$'):
        return label
    return "".join(
        f"\\{letter}"
        if letter in '.\\"();@$'
        else letter
        if "!" <= letter <= "~"
        else f"\\{ord(letter):03d}"
        for letter in label
    )


def _unescape(text: str, position: int) -> tuple[str, int]:
    digits = text[position + 1 : position + 4]
    if len(digits) == 3 and digits.isdecimal() and digits.isascii():  # noqa: PLR2004  \DDD
        if int(digits) > 255:  # noqa: PLR2004  one octet
            raise MalformedName(f"\\{digits} is no octet")
        return chr(int(digits)), position + 3
    if not text[position + 1 : position + 2]:
        raise MalformedName("a backslash escapes something")
    return text[position + 1], position + 1
