"""Which optional rules of Kubernetes are in force.

Values only; each is named after the feature gate it stands for.
Source: spec kubernetes-api 0.2.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Feature gates that change what is accepted; the defaults are those of Waypost."""

    relaxed_service_name_validation: bool = True
    strict_ip_cidr_validation: bool = True
    prefer_same_traffic_distribution: bool = True


FEATURES_DEFAULT = Features()
