"""Every scenario there is: importing the modules registers them."""

from tests.kernel.lab.scenarios import choice, cluster_ip, outside, service_ranges, tables
from tests.kernel.lab.scenarios.registry import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "choice", "cluster_ip", "outside", "service_ranges", "tables"]
