"""Metadata of slices: names, labels, owner, generation and trigger time.

    Service, seed -> names of new slices          Service -> labels, owner

Endpoints are not known here.  Source: spec kubernetes-api 3.5, and 1.2 for how
names are made.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from app.domain.copies import replace
from app.domain.names import LABEL_LENGTH_MAX, SUFFIX_LENGTH, NamespacedName, suffix_of
from app.domain.objects.endpoint_slice import (
    HEADLESS_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    TRIGGER_TIME_ANNOTATION,
    EndpointSlice,
)
from app.domain.objects.meta import ObjectMeta, OwnerReference, format_time
from app.domain.objects.service import HEADLESS, Service

RESERVED_LABELS = frozenset({SERVICE_NAME_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL})
"""Labels of slices that are never copied from the Service."""


@dataclass(frozen=True, slots=True)
class SliceNames:
    """Source of names for new slices: the same seed gives the same names, unless taken."""

    seed: int
    taken: Container[NamespacedName] = frozenset[NamespacedName]()


def new_names(
    service: NamespacedName, names: SliceNames, existing: Iterable[EndpointSlice]
) -> Iterator[str]:
    """Generate names for new slices of a Service, ``web-4x7kc``, without end."""
    prefix = service.name[: LABEL_LENGTH_MAX - SUFFIX_LENGTH - 1]
    given = {slice_.metadata.name for slice_ in existing}
    attempts = count()
    while True:
        name = f"{prefix}-{suffix_of(f'{names.seed}/{service}/{next(attempts)}')}"
        if name in given or NamespacedName(service.namespace, name) in names.taken:
            continue
        given.add(name)
        yield name


@dataclass(frozen=True, slots=True)
class Frame:
    """The labels and the owner that all slices of one Service have."""

    labels: Mapping[str, str]
    owner: OwnerReference

    def fits(self, metadata: ObjectMeta) -> bool:
        """Whether a slice has these labels and this owner already."""
        return metadata.labels == self.labels and self.owner in metadata.owner_references

    def created(self, service: NamespacedName, name: str, at: datetime | None) -> ObjectMeta:
        """Make the metadata of a new slice; the write adds uid, revision and time."""
        return ObjectMeta(
            name=name,
            namespace=service.namespace,
            generate_name=f"{service.name}-",
            generation=1,
            labels=self.labels,
            annotations=_annotated({}, at),
            owner_references=(self.owner,),
        )

    def updated(self, metadata: ObjectMeta, at: datetime | None) -> ObjectMeta:
        """Update the metadata of a slice whose content or labels change."""
        owners = metadata.owner_references
        return replace(
            triggered(metadata, at),
            labels=self.labels,
            owner_references=owners if self.owner in owners else (self.owner,),
        )


def triggered(metadata: ObjectMeta, at: datetime | None) -> ObjectMeta:
    """Update the metadata of a slice whose content changes, with the time of the trigger."""
    return replace(
        metadata,
        generation=metadata.generation + 1,
        annotations=_annotated(metadata.annotations, at),
    )


def frame_of(service: Service) -> Frame:
    """Compute the labels and the owner of a Service's slices."""
    labels = {
        key: value for key, value in service.metadata.labels.items() if key not in RESERVED_LABELS
    }
    labels[SERVICE_NAME_LABEL] = service.metadata.name
    labels[MANAGED_BY_LABEL] = MANAGED_BY
    if not _has_cluster_address(service):
        labels[HEADLESS_LABEL] = ""
    owner = OwnerReference(
        api_version="v1",
        kind="Service",
        name=service.metadata.name,
        uid=service.metadata.uid,
        is_controller=True,
        blocks_owner_deletion=True,
    )
    return Frame(dict(sorted(labels.items())), owner)


def _has_cluster_address(service: Service) -> bool:
    return any(ip not in ("", HEADLESS) for ip in (service.cluster_ip, *service.cluster_ips))


def _annotated(annotations: Mapping[str, str], at: datetime | None) -> Mapping[str, str]:
    kept = {key: text for key, text in annotations.items() if key != TRIGGER_TIME_ANNOTATION}
    if at is not None:
        kept[TRIGGER_TIME_ANNOTATION] = format_time(at)
    return kept
