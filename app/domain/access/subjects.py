"""The user that a request acts for, with its groups, and the names that Kubernetes reserves.

Sources: apiserver `pkg/authentication/user` and `pkg/authentication/serviceaccount`;
access.md sections 1.1, 1.7 and 1.10.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from app.domain.names import label_problems, subdomain_problems

SYSTEM_PREFIX = "system:"
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
NODES = "system:nodes"
SERVICE_ACCOUNTS = "system:serviceaccounts"
_NODE_PREFIX = "system:node:"
_SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"

_NO_EXTRA: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An authenticated user, as RBAC, audit and `whoami` see it.

    Groups keep the order in which the credential names them.
    """

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_EXTRA)

    @property
    def is_master(self) -> bool:
        """Whether no authoriser is asked: a member of `system:masters`."""
        return MASTERS in self.groups

    @property
    def node_name(self) -> str | None:
        """The node whose agent this is (group `system:nodes`, name `system:node:N`), else None."""
        if NODES not in self.groups or not self.name.startswith(_NODE_PREFIX):
            return None
        return self.name.removeprefix(_NODE_PREFIX) or None


ANONYMOUS = User(name="system:anonymous", groups=(UNAUTHENTICATED,))
# The user of every request while authentication is off.
UNSECURED = User(name="system:unsecured", groups=(MASTERS, AUTHENTICATED))


def authenticated(user: User) -> User:
    """Add `system:authenticated`, as after every successful authentication."""
    if (
        user.name == ANONYMOUS.name
        or AUTHENTICATED in user.groups
        or UNAUTHENTICATED in user.groups
    ):
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def node_user_name(node: str) -> str:
    """Name the user that the agent of a node is."""
    return _NODE_PREFIX + node


def service_account_name(namespace: str, name: str) -> str:
    """Name the user that a service account is."""
    return f"{_SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"


def service_account_groups(namespace: str) -> tuple[str, str]:
    """Name the two groups of every service account of a namespace."""
    return SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}"


def parse_service_account(user_name: str) -> tuple[str, str] | None:
    """Split `system:serviceaccount:NAMESPACE:NAME` into its two names.

    None if it is no such; as in Kubernetes, both must be names of objects.
    """
    if not user_name.startswith(_SERVICE_ACCOUNT_PREFIX):
        return None
    namespace, separator, name = user_name.removeprefix(_SERVICE_ACCOUNT_PREFIX).partition(":")
    if not separator or label_problems(namespace) or subdomain_problems(name):
        return None
    return namespace, name
