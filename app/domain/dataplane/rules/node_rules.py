"""The rules of one node, from the whole state.

    Snapshot, Node -> NodeFacts           Snapshot, each Service -> ServiceFacts
    ServiceFacts, NodeFacts -> ServiceRules, joined to NodeRules
    Snapshot -> prefixes of all ServiceCIDRs, without overlaps

Everything is computed afresh: this is the plain form, and the oracle for what
``incremental`` remembers and skips.  Source: spec ipvs 1 to 3; 8, cluster-ips-check; spec
kubernetes-api 2.5 (KEP-1880).
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain

from app.domain.addresses import disjoint, parse_prefix
from app.domain.dataplane.rules.conflicts import rivals
from app.domain.dataplane.rules.model import NodeRules, RulesConfig, ServiceRules
from app.domain.dataplane.rules.node_facts import NodeFacts, node_facts
from app.domain.dataplane.rules.service_addresses import reaches
from app.domain.dataplane.rules.service_facts import ServiceFacts, service_facts
from app.domain.dataplane.rules.service_rules import service_rules
from app.domain.objects.endpoint_slice import EndpointSlice, service_terms
from app.domain.objects.node import Node
from app.domain.objects.resource import Object, Term
from app.domain.objects.service import SERVICE, Service
from app.domain.snapshot import Snapshot

_RANGES_REMEMBERED_MAX = 16  # sets of them; there is one at a time, and another after a change


def node_rules(snapshot: Snapshot, node: Node, config: RulesConfig) -> NodeRules:
    """Compute everything a node must do."""
    facts = node_facts(snapshot, node, config)
    found = (
        service_rules(_facts(snapshot, snapshot.services[key], config), facts)
        for key in sorted(snapshot.services)
    )
    return assemble(found, facts, snapshot, config)


def assemble(
    services: Iterable[ServiceRules], node: NodeFacts, snapshot: Snapshot, config: RulesConfig
) -> NodeRules:
    """Join the rules of Services, given in order of their keys; invisible ones fall out."""
    kept = tuple(rules for rules in services if rules.ports or rules.health_check)
    conflicts = set(chain.from_iterable(rules.conflicts for rules in kept))
    return NodeRules(
        node=node.name,
        is_eligible=node.is_eligible,
        revision=snapshot.revision,
        config=config,
        families=node.families,
        services=kept,
        service_cidrs=service_ranges(snapshot),
        conflicts=tuple(
            sorted(conflicts, key=lambda c: (c.address, c.port, c.protocol, c.winner, c.loser))
        ),
        notices=tuple(chain.from_iterable(rules.notices for rules in kept)),
    )


def asked_terms(found: Object) -> Iterable[Term]:
    """Give the terms that rules ask for; endpoints, which are many, are not looked for."""
    match found:
        case EndpointSlice():
            return service_terms(found)
        case Service():
            return SERVICE.index_terms(found)
        case _:
            return ()


def service_ranges(snapshot: Snapshot) -> tuple[str, ...]:
    """List the ranges whose addresses belong to Services or to nobody, IPv4 first, by number.

    One that is being retired counts until it is gone: addresses of it may still be in use.
    """
    served = snapshot.service_cidrs.values()
    return _disjoint(tuple(sorted(text for each in served for text in each.cidrs)))


@lru_cache(maxsize=_RANGES_REMEMBERED_MAX)
def _disjoint(texts: tuple[str, ...]) -> tuple[str, ...]:
    prefixes = [prefix for text in texts if (prefix := parse_prefix(text)) is not None]
    return tuple(map(str, disjoint(prefixes)))


def _facts(snapshot: Snapshot, service: Service, config: RulesConfig) -> ServiceFacts:
    reached = reaches(service)
    return service_facts(
        service,
        snapshot.slices_of(service.metadata.key),
        reached,
        others=rivals(snapshot, service, reached),
        scheduler=config.scheduler,
    )
