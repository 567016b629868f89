"""The rules of every kind, for a draft of which only parts could be read.

    draft -> violations, as of a new object

What depends on the registry is not looked at: ranges, holders, the object that is there.
Source: contract.md, "Errors": all causes are reported at once.
"""

from dataclasses import replace

from app.domain.errors import Violation
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import Object
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.registration import namespaces, nodes, pods, service_cidrs
from app.domain.registration.health.leases import without_leftovers
from app.domain.registration.pod_defaults import with_pod_defaults
from app.domain.registration.service.defaults import with_service_defaults
from app.domain.registration.service.features import FEATURES_DEFAULT
from app.domain.registration.service.transitions import synchronised
from app.domain.registration.service.validation import create_violations
from app.domain.registration.slices import validation


def draft_violations(draft: Object) -> tuple[Violation, ...]:
    """List every rule that a new object breaks by itself, allocation aside."""
    match draft:
        case Service():
            return create_violations(_completed(draft), FEATURES_DEFAULT)
        case Pod():
            return pods.validate(with_pod_defaults(without_leftovers(draft)))
        case Node():
            return nodes.validate(draft)
        case Namespace():
            return namespaces.validate(draft)
        case EndpointSlice():
            return validation.validate(draft)
        case ServiceCIDR():
            return service_cidrs.validate(draft)


def _completed(draft: Service) -> Service:
    """Fill in what is static, and the address that a change need not repeat."""
    if draft.cluster_ips and not draft.cluster_ip:
        draft = replace(draft, cluster_ip=draft.cluster_ips[0])
    return synchronised(None, with_service_defaults(draft))
