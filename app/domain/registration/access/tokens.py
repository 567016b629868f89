"""Tokens: their validation, revocation and removal.

    draft, now -> Token          Namespace deleted -> its tokens revoked
    ended tokens -> gone after a time

Only the description of a token can be changed.  A revoked token is kept for a time, so that its
use differs from that of an unknown one.

Source: access.md 1.2.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from app.domain.access.minting import groups_following, is_for_node, node_of, token_kind_of
from app.domain.access.subjects import ANONYMOUS, UNAUTHENTICATED, parse_service_account
from app.domain.access.tokens import TokenKind
from app.domain.copies import replace
from app.domain.errors import CauseReason, Violation
from app.domain.names import (
    NamespacedName,
    label_problems,
    path_segment_problems,
    subdomain_problems,
)
from app.domain.objects.meta import ObjectMeta, format_time
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.token import OF_NAMESPACE, OF_USER, TOKEN, Token
from app.domain.registration.strategy import Remove, Strategy, require_valid
from app.domain.violations import (
    duplicate,
    each_invalid,
    forbidden,
    invalid,
    required,
    too_long,
    too_many,
)
from app.domain.work import Work

DAYS_DEFAULT = 90  # until a token of a user expires that names no time
ENDED_KEPT = timedelta(days=30)  # after which a revoked or expired token is forgotten
GROUPS_MAX = 100
NAME_LENGTH_MAX = 253  # characters of a user's or a group's name
DESCRIPTION_BYTES_MAX = 1_024

_ACCOUNT_PREFIX = "system:serviceaccount:"
_IMMUTABLE = "field is immutable: only spec.description can be changed"


def _rules(current: Token | None, desired: Token) -> Iterator[Violation]:
    if current is None:
        yield from _bare_metadata_violations(desired.metadata)
        yield from _user_violations(desired.user)
        yield from _group_violations(desired)
        yield from _namespace_violations(desired)
    else:
        for path, before, after in _fixed(current, desired):
            if before != after:
                yield invalid(path, _shown(after), _IMMUTABLE)
    yield from _description_violations(desired.description)


def complete(draft: Token) -> Token:
    """Fill in the groups and the Namespace that follow from the user."""
    account = parse_service_account(draft.user)
    return replace(
        draft,
        groups=draft.groups or groups_following(draft.user),
        bound_namespace=draft.bound_namespace or ("" if account is None else account[0]),
    )


def with_end(draft: Token, work: Work) -> Token:
    """Give a token of a user an end; tokens of agents and replicas may be without one."""
    if draft.expires_at is not None or token_kind_of(draft.user) is not TokenKind.USER:
        return draft
    days = min(DAYS_DEFAULT, work.policy.token_days_max)
    return replace(draft, expires_at=work.now + timedelta(days=days))


def remove_ended(work: Work) -> None:
    """Remove the tokens that ended long ago."""
    for token in tuple(work.snapshot.of(TOKEN).values()):
        if token.ended_at is not None and token.ended_at + ENDED_KEPT <= work.now:
            work.remove(token)


def _admit(work: Work, current: Token | None, draft: Token) -> Token:
    if current is None:
        made = with_end(complete(draft), work)
        violations = STRATEGY.violations(None, made)
        require_valid(made, (*violations, *_present_violations(work, made)))
        return made
    desired = replace(
        draft,
        digest=current.digest,
        created_by=draft.created_by or current.created_by,
        revoked_at=draft.revoked_at or current.revoked_at,
        last_used_at=None,
    )
    require_valid(desired, STRATEGY.violations(current, desired))
    return desired


def _revoke(work: Work, current: Token, _remove: Remove) -> tuple[Token, bool]:
    """Revoke a token; one that is revoked stays as it is."""
    return _revoked(work, current), False


def _revoked(work: Work, token: Token) -> Token:
    if token.revoked_at is not None:
        return token
    stored = work.put(replace(token, revoked_at=work.now))
    assert isinstance(stored, Token)
    return stored


def _revoke_those_of_deleted_namespaces(work: Work) -> None:
    for change in work.changes():
        is_ending = change.after is None or change.after.metadata.is_terminating
        if change.kind == NAMESPACE.name and is_ending:
            for key in sorted(work.snapshot.members(OF_NAMESPACE, change.key.name)):
                _revoked(work, work.snapshot.of(TOKEN)[key])


def _bare_metadata_violations(metadata: ObjectMeta) -> Iterator[Violation]:
    for field, value in (
        ("finalizers", metadata.finalizers),
        ("ownerReferences", metadata.owner_references),
    ):
        if value:
            yield forbidden(f"metadata.{field}", "a token is revoked, whatever refers to it")


def _user_violations(user: str) -> Iterator[Violation]:
    field = "spec.user"
    if not user:
        yield required(field)
        return
    yield from _name_violations(field, user)
    if user == ANONYMOUS.name:
        yield invalid(field, user, "a bearer of a token is never anonymous")
    if is_for_node(user):
        yield from each_invalid(field, user, subdomain_problems(node_of(user)))
    if user.startswith(_ACCOUNT_PREFIX) and parse_service_account(user) is None:
        yield invalid(field, user, f"must be {_ACCOUNT_PREFIX}NAMESPACE:NAME")


def _group_violations(token: Token) -> Iterator[Violation]:
    field = "spec.groups"
    if len(token.groups) > GROUPS_MAX:
        yield too_many(field, len(token.groups), GROUPS_MAX)
        return
    if (fixed := groups_following(token.user)) and set(token.groups) != set(fixed):
        detail = f"a token of this user has the groups {', '.join(fixed)}"
        yield invalid(field, list(token.groups), detail)
    for index, group in enumerate(token.groups):
        path = f"{field}[{index}]"
        if not group:
            yield required(path)
        yield from _name_violations(path, group)
        if group == UNAUTHENTICATED:
            yield invalid(path, group, "a bearer of a token is authenticated")
        if group in token.groups[:index]:
            yield duplicate(path, group)


def _name_violations(field: str, name: str) -> Iterator[Violation]:
    if len(name) > NAME_LENGTH_MAX:
        yield invalid(field, name, f"must be no more than {NAME_LENGTH_MAX} characters")
    if not name.isprintable():
        yield invalid(field, name, "may not contain control characters")


def _namespace_violations(token: Token) -> Iterator[Violation]:
    field, bound = "spec.boundNamespace", token.bound_namespace
    account = parse_service_account(token.user)
    if account is not None and bound != account[0]:
        yield invalid(field, bound, f"must be that of the service account, {account[0]}")
    elif bound and is_for_node(token.user):
        yield forbidden(field, "a token of an agent is bound to its node")
    elif bound:
        yield from each_invalid(field, bound, label_problems(bound))


def _description_violations(description: str) -> Iterator[Violation]:
    if len(description.encode("utf-8", "surrogatepass")) > DESCRIPTION_BYTES_MAX:
        yield too_long("spec.description", DESCRIPTION_BYTES_MAX)


def _present_violations(work: Work, token: Token) -> Iterator[Violation]:
    """Yield the rules that a new token breaks at this time and in this registry."""
    field, end = "spec.expiresAt", token.expires_at
    days_max = work.policy.token_days_max
    if end is not None and end <= work.now:
        yield invalid(field, _shown(end), "must be in the future")
    is_of_user = token_kind_of(token.user) is TokenKind.USER
    if end is not None and is_of_user and end > work.now + timedelta(days=days_max):
        yield invalid(field, _shown(end), f"must be within {days_max} days")
    if token.bound_namespace and not label_problems(token.bound_namespace):
        yield from _bound_violations(work, token.bound_namespace)
    if len(work.snapshot.members(OF_USER, token.user)) >= (most := work.policy.tokens_of_user_max):
        yield forbidden("spec.user", f"there are {most} tokens of this user already")


def _bound_violations(work: Work, namespace: str) -> Iterator[Violation]:
    field = "spec.boundNamespace"
    found = work.snapshot.namespaces.get(NamespacedName("", namespace))
    if found is None:
        yield Violation(CauseReason.NOT_FOUND, field, f'Not found: "{namespace}"')
    elif found.metadata.is_terminating:
        yield invalid(field, namespace, "this Namespace is being deleted")


def _fixed(current: Token, desired: Token) -> Iterable[tuple[str, object, object]]:
    """Pair every immutable value with the desired one."""
    held, sent = current.metadata, desired.metadata
    yield "metadata.labels", dict(held.labels), dict(sent.labels)
    yield "metadata.annotations", dict(held.annotations), dict(sent.annotations)
    yield "metadata.finalizers", held.finalizers, sent.finalizers
    yield "metadata.ownerReferences", held.owner_references, sent.owner_references
    yield "spec.user", current.user, desired.user
    yield "spec.groups", current.groups, desired.groups
    yield "spec.expiresAt", current.expires_at, desired.expires_at
    yield "spec.boundNamespace", current.bound_namespace, desired.bound_namespace
    yield "status.createdBy", current.created_by, desired.created_by
    yield "status.revokedAt", current.revoked_at, desired.revoked_at


def _shown(value: object) -> object:
    return format_time(value) if isinstance(value, datetime) else value


STRATEGY: Strategy[Token] = Strategy(
    rules=_rules,
    name_rule=path_segment_problems,
    complete=complete,
    admit=_admit,
    is_created_with_status=True,  # the route sets the creator
    is_returned_when_deleted=True,
    sends_status=lambda _: True,
    delete=_revoke,
    finish_after_write=_revoke_those_of_deleted_namespaces,
)
