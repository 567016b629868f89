"""Rules for the metadata of every object: names, labels, annotations, owners.

    metadata, the kind's name rule -> violations

Only the rule for names differs by kind.  Source: spec kubernetes-api 1.2, the ``metadata``
rows, and 1.4.
"""

from collections.abc import Callable, Iterable, Mapping

from app.domain.errors import Violation
from app.domain.labels import key_problems, value_problems
from app.domain.names import label_problems
from app.domain.objects.meta import LAST_APPLIED_ANNOTATION, ObjectMeta, OwnerReference
from app.domain.violations import (
    each_invalid,
    forbidden,
    invalid,
    required,
    too_long,
    too_many,
)

LABELS_MAX = 1_000  # of one object
ANNOTATIONS_SIZE_MAX_BYTES = 256 * 1024  # of all keys and values but for the last applied object
LAST_APPLIED_SIZE_MAX_BYTES = 2 * 1024 * 1024  # of that object, which repeats the annotations

NameRule = Callable[[str], tuple[str, ...]]


def metadata_violations(
    metadata: ObjectMeta, name_rule: NameRule, *, is_namespaced: bool = True
) -> tuple[Violation, ...]:
    """List every rule that the metadata of a new object breaks."""
    return (
        *_name_violations(metadata, name_rule),
        *_namespace_violations(metadata.namespace, is_namespaced=is_namespaced),
        *_descriptive_violations(metadata),
    )


def metadata_update_violations(current: ObjectMeta, desired: ObjectMeta) -> tuple[Violation, ...]:
    """List every rule that a change of metadata breaks; names are not validated again."""
    fixed = (
        ("name", current.name, desired.name),
        ("namespace", current.namespace, desired.namespace),
    )
    found = [
        invalid(f"metadata.{field}", after, "field is immutable")
        for field, before, after in fixed
        if before != after
    ]
    added = [name for name in desired.finalizers if name not in current.finalizers]
    if current.is_terminating and added:
        detail = f"no new finalizers can be added if the object is being deleted, found {added}"
        found.append(forbidden("metadata.finalizers", detail))
    return (*found, *_descriptive_violations(desired))


def label_violations(field: str, labels: Mapping[str, str]) -> Iterable[Violation]:
    """Refuse invalid keys and values of labels; the path is that of the whole map."""
    if len(labels) > LABELS_MAX:
        yield too_many(field, len(labels), LABELS_MAX)  # each is an index entry
        return
    for key, value in labels.items():
        yield from each_invalid(field, key, key_problems(key))
        yield from each_invalid(field, value, value_problems(value))


def _name_violations(metadata: ObjectMeta, rule: NameRule) -> tuple[Violation, ...]:
    prefix = metadata.generate_name
    found = each_invalid("metadata.generateName", prefix, rule(_masked(prefix)) if prefix else ())
    if not metadata.name:
        return (*found, required("metadata.name", "name or generateName is required"))
    return (*found, *each_invalid("metadata.name", metadata.name, rule(metadata.name)))


def _masked(prefix: str) -> str:
    # A prefix may end in a hyphen, since the generated suffix follows it.
    return f"{prefix[:-2]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _namespace_violations(namespace: str, *, is_namespaced: bool) -> tuple[Violation, ...]:
    field = "metadata.namespace"
    if not is_namespaced:
        return (forbidden(field, "not allowed on this type"),) if namespace else ()
    if not namespace:
        return (required(field),)
    return each_invalid(field, namespace, label_problems(namespace))


def _descriptive_violations(metadata: ObjectMeta) -> Iterable[Violation]:
    yield from label_violations("metadata.labels", metadata.labels)
    yield from _annotation_violations(metadata.annotations)
    yield from _owner_violations(metadata.owner_references)
    for finalizer in metadata.finalizers:
        yield from each_invalid("metadata.finalizers", finalizer, key_problems(finalizer))


def _annotation_violations(annotations: Mapping[str, str]) -> Iterable[Violation]:
    field = "metadata.annotations"
    for key in annotations:
        yield from each_invalid(field, key, key_problems(key.lower()))
    size_bytes = sum(
        _size_bytes(key) + _size_bytes(value)
        for key, value in annotations.items()
        if key != LAST_APPLIED_ANNOTATION
    )
    if size_bytes > ANNOTATIONS_SIZE_MAX_BYTES:
        yield too_long(field, ANNOTATIONS_SIZE_MAX_BYTES)
    if _size_bytes(annotations.get(LAST_APPLIED_ANNOTATION, "")) > LAST_APPLIED_SIZE_MAX_BYTES:
        path = f"{field}[{LAST_APPLIED_ANNOTATION}]"
        yield too_long(path, LAST_APPLIED_SIZE_MAX_BYTES)


def _size_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _owner_violations(owners: tuple[OwnerReference, ...]) -> Iterable[Violation]:
    for owner in owners:
        named = (
            ("apiVersion", owner.api_version),
            ("kind", owner.kind),
            ("name", owner.name),
            ("uid", owner.uid),
        )
        for field, value in named:
            if not value:
                path = f"metadata.ownerReferences.{field}"
                yield invalid(path, value, f"{field} must not be empty")
    controllers = [owner.name for owner in owners if owner.is_controller]
    if len(controllers) > 1:
        detail = "only one reference can have controller set to true"
        yield invalid("metadata.ownerReferences", controllers, detail)
