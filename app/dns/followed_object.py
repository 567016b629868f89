"""An object of the watch that a replica follows, reduced to what names depend on.

wire shape of an event -> Object
"""

from collections.abc import Mapping
from dataclasses import replace

from app.dns.programming_latency import trigger_of
from app.domain.discovery.zone.objects import stripped
from app.domain.objects.meta import NOTHING
from app.domain.objects.resource import Object
from app.schemas.objects.codec import decode_known
from app.schemas.objects.metadata import parse_revision


def followed_object(wire: Mapping[str, object], *, is_initial: bool) -> Object:
    """Decode an object; raises BadRequest for one that cannot be decoded.

    The trigger time of a slice is only needed for changes, not for the initial load.
    """
    whole = decode_known(wire)
    reduced = stripped(whole)
    meta = replace(
        reduced.metadata,
        revision=parse_revision(whole.metadata.resource_version),
        resource_version="",
        annotations=NOTHING if is_initial else trigger_of(whole),
    )
    return replace(reduced, metadata=meta)
