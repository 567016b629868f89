"""The built-in roles of a registry with authentication, and its first administrator.

    state, built-in roles -> these roles, complete
    empty state, text -> one token of an administrator, once

Source: access.md 1.8 and 2.6.
"""

from collections.abc import Callable

from app.domain.access.default_roles import default_roles, reconciled
from app.domain.copies import replace
from app.domain.names import NamespacedName
from app.domain.objects.meta import format_time
from app.domain.objects.namespace import SYSTEM
from app.domain.objects.role_binding import CLUSTER_ROLE_BINDING
from app.domain.objects.token import TOKEN
from app.domain.resources import resource_of
from app.domain.work import Work
from app.registry.writes import lifecycle
from app.registry.writes.tokens import issue_to_administrator

FIRST_ANNOTATION = "waypost/first-administrator"
"""Annotation of the Namespace kube-system: the time of the first administrator's token."""
BOOTSTRAP = "system:bootstrap"  # the creator of that token

_SYSTEM_KEY = NamespacedName("", SYSTEM)


def bootstrap_access(work: Work, *, text: str, prepare: Callable[[], None]) -> bool:
    """Create and complete the built-in roles; says whether an administrator got a token.

    That token, with the given ``text``, is issued in a registry that never had a token, nor a
    ClusterRoleBinding besides the built-in ones.  ``prepare`` is called before, and may raise.
    """
    _reconcile_roles(work)
    if not _needs_administrator(work):
        return False
    prepare()
    issue_to_administrator(work, text=text, created_by=BOOTSTRAP)
    system = work.snapshot.namespaces[_SYSTEM_KEY]
    noted = {**system.metadata.annotations, FIRST_ANNOTATION: format_time(work.now)}
    work.put(replace(system, metadata=replace(system.metadata, annotations=noted)))
    return True


def _reconcile_roles(work: Work) -> None:
    for built_in in default_roles():
        stored = work.find(resource_of(built_in).name, built_in.metadata.key)
        if stored is None:
            lifecycle.create(work, built_in)
        else:
            work.put(reconciled(stored, built_in))


def _needs_administrator(work: Work) -> bool:
    built_in = {
        each.metadata.key for each in default_roles() if resource_of(each) is CLUSTER_ROLE_BINDING
    }
    annotations = work.snapshot.namespaces[_SYSTEM_KEY].metadata.annotations
    return (
        FIRST_ANNOTATION not in annotations
        and not work.snapshot.of(TOKEN)
        and built_in.issuperset(work.snapshot.of(CLUSTER_ROLE_BINDING))
    )
