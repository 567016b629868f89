"""How many objects a write may touch: what it follows through to is written with it.

    Snapshot, kind, key -> a number, about

Known without deciding, so that the writer can tell a decision of a moment from one that
is better made beside the event loop.
"""

from app.domain.names import NamespacedName
from app.domain.objects.kinds import KINDS, NAMESPACE, NODE, SERVICE, Kind
from app.domain.snapshot import Snapshot


def reach_of(snapshot: Snapshot, kind: Kind, key: NamespacedName) -> int:
    """Estimate what a write to one object may touch, itself included.

    A Service is planned anew from the Pods of its namespace, a Node passes its zone on to
    those on it, and a Namespace goes with all that it holds.
    """
    match kind.name:
        case SERVICE.name:
            return 1 + len(snapshot.members("Pod", key.namespace))
        case NODE.name:
            return 1 + len(snapshot.members("pod-node", key.name))
        case NAMESPACE.name:
            return 1 + sum(len(snapshot.members(each.name, key.name)) for each in KINDS)
        case _:
            return 1
