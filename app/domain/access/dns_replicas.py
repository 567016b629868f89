"""What a DNS replica may write: Pods that are DNS processes, and nothing else.

    replica's user, attributes or Pod -> refused, or nothing

The Pods behind the Service `kube-dns` answer for every client, so a right to write Pods is not
enough to become one of them.  Source: access.md 2.12.
"""

from collections.abc import Mapping

from app.domain.access.attributes import Attributes
from app.domain.access.nodes import READS
from app.domain.access.quoting import quoted
from app.domain.access.refusals import Refused, lead_of, restricted
from app.domain.access.subjects import User, service_account_name
from app.domain.objects.namespace import SYSTEM
from app.domain.objects.pod import POD, Pod

ACCOUNT = "waypost-dns"
USER_NAME = service_account_name(SYSTEM, ACCOUNT)
POD_PREFIX = "waypost-dns-"
POD_LABELS: Mapping[str, str] = {"k8s-app": "kube-dns"}

_WORDS = (
    f"user {quoted(USER_NAME)} can only write pods named {POD_PREFIX}* in namespace {SYSTEM} "
    f"with label {','.join(f'{key}={value}' for key, value in POD_LABELS.items())}"
)


def restriction(user: User, attributes: Attributes) -> Refused | None:
    """Refuse what a replica may not write, as far as the request's address tells."""
    if user.name != USER_NAME or attributes.path or attributes.verb in READS:
        return None
    if attributes.api_group or attributes.resource != POD.plural:
        return None
    name = attributes.name or POD_PREFIX  # a new Pod's name is in the body
    is_own = attributes.namespace == SYSTEM and name.startswith(POD_PREFIX)
    return None if is_own else restricted(attributes, _WORDS)


def pod_write_refusal(user: User, desired: Pod) -> Refused | None:
    """Refuse a Pod that is not of a DNS process."""
    if user.name != USER_NAME:
        return None
    meta = desired.metadata
    if (
        meta.namespace == SYSTEM
        and (meta.name or meta.generate_name).startswith(POD_PREFIX)
        and POD_LABELS.items() <= meta.labels.items()
    ):
        return None
    message = lead_of(POD.group, POD.plural, meta.name) + _WORDS
    return Refused(message=message, resource=POD.plural, name=meta.name)
