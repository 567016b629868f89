"""RoleBindings and ClusterRoleBindings: every rule that they must obey.

    draft -> violations          current, desired -> violations

Source: Kubernetes `pkg/apis/rbac/validation/validation.go`; access.md 2.8.
"""

from collections.abc import Iterable
from dataclasses import asdict

from app.domain.access.escalation import require_bound_role_held
from app.domain.errors import Violation
from app.domain.names import path_segment_problems, subdomain_problems
from app.domain.objects.role import API_GROUP
from app.domain.objects.role_binding import (
    AnyBinding,
    ClusterRoleBinding,
    RoleBinding,
    RoleKind,
    RoleRef,
    Subject,
    SubjectKind,
    with_default_groups,
)
from app.domain.registration.strategy import Strategy
from app.domain.violations import each_invalid, invalid, not_supported, required


def _rules(current: AnyBinding | None, binding: AnyBinding) -> Iterable[Violation]:
    is_namespaced = isinstance(binding, RoleBinding)
    yield from _role_ref_violations(binding.role_ref, is_namespaced=is_namespaced)
    for index, subject in enumerate(binding.subjects):
        yield from _subject_violations(f"subjects[{index}]", subject, is_namespaced=is_namespaced)
    if current is not None and binding.role_ref != current.role_ref:
        yield invalid("roleRef", _shown(binding.role_ref), "cannot change roleRef")


def _role_ref_violations(ref: RoleRef, *, is_namespaced: bool) -> Iterable[Violation]:
    kinds = tuple(RoleKind) if is_namespaced else (RoleKind.CLUSTER_ROLE,)
    if ref.api_group != API_GROUP:
        yield not_supported("roleRef.apiGroup", ref.api_group, (API_GROUP,))
    if ref.kind not in kinds:
        yield not_supported("roleRef.kind", ref.kind, kinds)
    if not ref.name:
        yield required("roleRef.name")
    yield from each_invalid("roleRef.name", ref.name, path_segment_problems(ref.name))


def _subject_violations(
    field: str, subject: Subject, *, is_namespaced: bool
) -> Iterable[Violation]:
    if not subject.name:
        yield required(f"{field}.name")
    match subject.kind:
        case SubjectKind.SERVICE_ACCOUNT:
            yield from _service_account_violations(field, subject, is_namespaced=is_namespaced)
        case SubjectKind.USER | SubjectKind.GROUP:
            if subject.api_group != API_GROUP:
                yield not_supported(f"{field}.apiGroup", subject.api_group, (API_GROUP,))
        case _:
            yield not_supported(f"{field}.kind", subject.kind, SubjectKind)


def _service_account_violations(
    field: str, subject: Subject, *, is_namespaced: bool
) -> Iterable[Violation]:
    if subject.name:
        yield from each_invalid(f"{field}.name", subject.name, subdomain_problems(subject.name))
    if subject.api_group:
        yield not_supported(f"{field}.apiGroup", subject.api_group, ("",))
    if not is_namespaced and not subject.namespace:
        yield required(f"{field}.namespace")


def _shown(ref: RoleRef) -> dict[str, str]:
    return {"apiGroup" if name == "api_group" else name: text for name, text in asdict(ref).items()}


ROLE_BINDING_STRATEGY = Strategy[RoleBinding](
    rules=_rules,
    name_rule=path_segment_problems,
    complete=with_default_groups,
    authorize_write=require_bound_role_held,
    is_created_by_put=True,
)
CLUSTER_ROLE_BINDING_STRATEGY = Strategy[ClusterRoleBinding](
    rules=_rules,
    name_rule=path_segment_problems,
    complete=with_default_groups,
    authorize_write=require_bound_role_held,
    is_created_by_put=True,
)
