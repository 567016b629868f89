"""A registry's state, written straight into the tables as revision 1."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import ip_interface

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.domain.names import Revision, Uid
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.resource import Object
from app.domain.objects.service import Service
from app.store.mapping import body_of, object_row

BORN = datetime(2026, 1, 1, tzinfo=UTC)


def new_uid() -> Uid:
    """Make an identity."""
    return Uid(str(uuid.uuid4()))


def meta(name: str, namespace: str = "", **labels: str) -> ObjectMeta:
    """Describe an object that has been there since revision 1."""
    return ObjectMeta(
        name=name,
        namespace=namespace,
        uid=new_uid(),
        revision=Revision(1),
        generation=1,
        created_at=BORN,
        labels=labels,
    )


async def fill(engine: AsyncEngine, objects: Iterable[Object]) -> None:
    """Write the objects and the allocations of the Services among them."""
    every = list(objects)
    rows = [object_row(each, body_of(each)) for each in every]
    held = [
        (ip_interface(address), each.metadata.namespace, each.metadata.name)
        for each in every
        if isinstance(each, Service)
        for address in each.addresses
    ]
    async with engine.begin() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None, "a connected connection has a driver"
        columns = ("kind", "namespace", "name", "uid", "revision", "body")
        await driver.copy_records_to_table(
            "objects", records=[tuple(row[c] for c in columns) for row in rows], columns=columns
        )
        await driver.copy_records_to_table(
            "cluster_ips", records=held, columns=("address", "namespace", "service")
        )
        await connection.execute(text("UPDATE counter SET revision = 1, compacted = 1"))
