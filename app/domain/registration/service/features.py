"""Feature gates of Kubernetes that change which Services are valid.

Values only; each is named after its feature gate.
Source: spec kubernetes-api 0.2.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The state of each gate; the defaults are Waypost's."""

    relaxed_service_name_validation: bool = True
    strict_ip_cidr_validation: bool = True
    prefer_same_traffic_distribution: bool = True


FEATURES_DEFAULT = Features()
