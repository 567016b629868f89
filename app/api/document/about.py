"""What the document says of the whole API: its servers, tags, credentials and conventions.

Source: contract.md; access.md 1.1 and 1.5; OpenAPI 3.1.1, sections 4.8.2 to 4.8.5.
"""

from collections.abc import Mapping
from typing import Any, Final

from app.api.document.declared import tag_of
from app.schemas.objects.wires import WIRES

SUMMARY: Final = "The Kubernetes service network without Kubernetes."
DESCRIPTION: Final = """\
Services with stable ClusterIPs, the healthy Pods behind them, names that resolve as a Pod would \
see them, and the kernel rules of every node.

**Objects** are those of Kubernetes, with the same fields. One schema describes what is sent and \
what is answered: fields that the server sets may be sent back as they are, and everything that is \
described as set by the server may be left out. A field that has no value is \
absent; only in the rules of nodes null may stand for "none", where it is said.

**JSON and YAML.** The document shows JSON. Every body may be YAML instead (`application/yaml`), \
and an answer is YAML for a client that accepts only that.

**Revisions.** `metadata.resourceVersion` is the revision of an object's last change, and its \
entity tag. A write that carries an older one is refused with 409, one whose `If-Match` does not \
hold with 412; a read with `If-None-Match` is answered with 304 while nothing has changed. \
Revisions are assigned in the order of commits.

**Requests** may have an `X-Request-Id` and a `traceparent`, which their answers have again. A \
write without an id is given one, under which the log of the server has it."""
LICENSE: Final = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
CONTACT: Final = {"name": "The Waypost project"}
SERVERS: Final = (
    {
        "url": "{scheme}://{host}",
        "description": "A server of Waypost; these are the defaults of `waypost serve`.",
        "variables": {
            "scheme": {"default": "http", "enum": ["http", "https"]},
            "host": {"default": "127.0.0.1:8053"},
        },
    },
)
_TAGS: Final[Mapping[str, str]] = {
    "manifests": "Many objects at once, all or nothing.",
    "changes": "The changes of all kinds as one stream.",
    "leases": "Heartbeats, which say that Pods and the agents of nodes are alive.",
    "clusterIps": "Ranges of addresses, and which Service holds which address.",
    "names": "Names, resolved as a program would, and the resolv.conf of Pods.",
    "rules": "What the kernel of a node must be told: in full, as text, or in steps.",
    "access": "Who the caller is, and what it may do.",
    "tokens": "Tokens: issued once, listed with their last use, revoked.",
    "health": "Whether the process works, which build it is, and its metrics.",
}
_SECURITY: Final[Mapping[str, Mapping[str, str]]] = {
    "bearerToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of Waypost, or of an issuer that the server accepts. A client "
        "certificate of the connection, or a front proxy, may stand for it.",
    },
}


def describe_api(document: dict[str, Any]) -> None:
    """Describe servers, tags in the order of the routes, and credentials."""
    document["info"] |= {
        "summary": SUMMARY,
        "description": DESCRIPTION,
        "contact": CONTACT,
        "license": LICENSE,
    }
    document["servers"] = [*SERVERS]
    schemas = document["components"]["schemas"]
    kinds = {
        tag_of(wire.resource): schemas[wire.resource.name]["description"]
        for wire in WIRES
        if not wire.resource.is_internal
    }
    document["tags"] = [
        {"name": name, "description": words} for name, words in {**kinds, **_TAGS}.items()
    ]
    document["components"]["securitySchemes"] = {name: {**way} for name, way in _SECURITY.items()}
    # Without authentication a request needs no credentials.
    document["security"] = [*({name: list[str]()} for name in _SECURITY), {}]
