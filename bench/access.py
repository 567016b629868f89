"""What a decision costs, and what an entry: the rights of one user in one namespace.

    2,000 bindings of 200 roles -> the naive walk, an entry made, a decision from an entry

Printed is processor time, the median of rounds; the walk over all bindings, as Kubernetes does
it, stands beside them.  The law to be shown: a decision costs the same with one binding and with
all of them.

    python bench/access.py [--bindings 2000] [--roles 200] [--rounds 7]
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time_ns

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.rights.index import Rights
from app.domain.access.rules import allows
from app.domain.access.subjects import AUTHENTICATED, User
from app.domain.names import NamespacedName, Revision
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.resource import Object
from app.domain.objects.role import API_GROUP, CLUSTER_ROLE, ClusterRole, PolicyRule
from app.domain.objects.role_binding import ROLE_BINDING, RoleBinding, RoleRef, Subject
from app.domain.snapshot import Snapshot, load

NAMESPACE = "prod"
USER = User(name="user-7", groups=("team-7", AUTHENTICATED))
ASKED = Attributes(verb="get", resource="services", namespace=NAMESPACE, name="ent")
DENIED = Attributes(verb="delete", resource="nodes", namespace=NAMESPACE, name="n1")
DECISION_GOAL_US = 10.0
ENTRY_GOAL_US = 1_000.0
DECISIONS, ENTRIES = 5_000, 50  # of one round


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    bindings: int
    roles: int


def state_of(size: Size) -> Snapshot:
    """Make roles of four rules, and bindings of them to users and teams in one namespace."""
    rules = (
        PolicyRule(
            verbs=("get", "list", "watch"), api_groups=("",), resources=("services", "pods")
        ),
        PolicyRule(verbs=("create", "update"), api_groups=("",), resources=("pods",)),
        PolicyRule(verbs=("get",), api_groups=("discovery.k8s.io",), resources=("endpointslices",)),
        PolicyRule(
            verbs=("update",), api_groups=("",), resources=("services",), resource_names=("ent",)
        ),
    )
    roles = (
        ClusterRole(metadata=ObjectMeta(name=f"role-{number}"), rules=rules)
        for number in range(size.roles)
    )
    objects: list[Object] = [*roles]
    for number in range(size.bindings):
        kind, word = (("User", "user"), ("Group", "team"))[number % 2]
        subject = Subject(kind=kind, api_group=API_GROUP, name=f"{word}-{number % 400}")
        role = f"role-{number % size.roles}"
        objects.append(
            RoleBinding(
                metadata=ObjectMeta(name=f"b-{number}", namespace=NAMESPACE),
                role_ref=RoleRef(api_group=API_GROUP, kind="ClusterRole", name=role),
                subjects=(subject,),
            )
        )
    return load(objects, revision=Revision(1))


def walk(snapshot: Snapshot, user: User, attributes: Attributes) -> bool:
    """Decide by looking at every binding."""
    roles = snapshot.of(CLUSTER_ROLE)
    for binding in snapshot.of(ROLE_BINDING).values():
        if binding.metadata.namespace != attributes.namespace:
            continue
        for subject in binding.subjects:
            if subject.name == user.name or subject.name in user.groups:
                role = roles[NamespacedName("", binding.role_ref.name)]
                if any(allows(rule, attributes) for rule in role.rules):
                    return True
    return False


def cost_us(work: Callable[[], object], *, times: int, rounds: int) -> float:
    """Measure one call: microseconds of processor time, the median of rounds."""
    found: list[float] = []
    for _ in range(rounds):
        begun = process_time_ns()
        for _ in range(times):
            work()
        found.append((process_time_ns() - begun) / times / 1_000)
    return median(found)


def measure(size: Size, rounds: int) -> tuple[float, float]:
    """Print the costs with so much; returns those of a decision and of an entry."""
    snapshot = state_of(size)
    rights = Rights(snapshot)
    rights.entry(USER, NAMESPACE)
    assert isinstance(authorize(snapshot, USER, ASKED), Allowed)
    made = iter(range(1_000_000))

    def a_new_entry() -> object:
        # Another group each time, which nobody names: the entry is made and has the same rights.
        groups = (*USER.groups, f"new-{next(made)}")
        return rights.entry(User(name=USER.name, groups=groups), NAMESPACE)

    decision = cost_us(lambda: authorize(snapshot, USER, ASKED), times=DECISIONS, rounds=rounds)
    refusal = cost_us(lambda: authorize(snapshot, USER, DENIED), times=DECISIONS, rounds=rounds)
    entry = cost_us(a_new_entry, times=ENTRIES, rounds=rounds)
    first = cost_us(lambda: Rights(snapshot).entry(USER, NAMESPACE), times=5, rounds=rounds)
    walked = cost_us(lambda: walk(snapshot, USER, DENIED), times=20, rounds=rounds)
    print(
        f"{size.bindings:>6,} bindings of {size.roles:>3} roles: decision {decision:6.2f} us, "
        f"refusal {refusal:6.2f} us, entry {entry:7.1f} us, "
        f"first entry of a generation {first:8.1f} us, walk {walked:8.1f} us"
    )
    return decision, entry


def main() -> None:
    """Measure with one binding and with all, and compare with the goals."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bindings", type=int, default=2_000)
    parser.add_argument("--roles", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    measure(Size(8, 1), asked.rounds)
    decision, entry = measure(Size(asked.bindings, asked.roles), asked.rounds)
    verdict = "met" if decision < DECISION_GOAL_US and entry < ENTRY_GOAL_US else "MISSED"
    goals = f"decision under {DECISION_GOAL_US:.0f} us, entry under {ENTRY_GOAL_US:.0f} us"
    print(f"goals: {goals}: {verdict}")


if __name__ == "__main__":
    main()
