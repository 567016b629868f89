"""The tables, as SQLAlchemy Core sees them; ``migrations`` creates them.

    counter        one row: the revision, and where history begins
    objects        every object in its wire form
    changes        the changes of each revision, before and after
    cluster_ips    the Service of each address: the primary key makes it unique
    node_ports     the Service of each node port
    leases         when each lease was last renewed; without revision, as leases are not watched
    token_uses     when each token was last used, to the minute; without revision likewise
    backups        one row: when the last backup was complete

Bodies are text, not ``jsonb``, so that they read back byte for byte.
The counter is a row, not a sequence, because sequences commit out of order.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    Uuid,
    func,
    true,
)
from sqlalchemy.dialects.postgresql import INET, JSON

AnyRow = Row[*tuple[Any, ...]]

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ck": "%(table_name)s_%(constraint_name)s",
        "ix": "%(table_name)s_%(column_0_N_name)s",
    }
)

counter = Table(
    "counter",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=true()),
    Column("revision", BigInteger, nullable=False),
    Column("compacted", BigInteger, nullable=False),
    Column("cursors", JSON, nullable=False),
    CheckConstraint("is_only", name="one_row"),
)

objects = Table(
    "objects",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("uid", Uuid, nullable=False, unique=True),
    Column("revision", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("committed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

cluster_ips = Table(
    "cluster_ips",
    metadata,
    Column("address", INET, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("service", Text, nullable=False),
)

node_ports = Table(
    "node_ports",
    metadata,
    Column("port", Integer, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("service", Text, nullable=False),
    CheckConstraint("port between 1 and 65535", name="port_range"),
)

leases = Table(
    "leases",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("renewed_at", DateTime(timezone=True), nullable=False),
    postgresql_with={"fillfactor": "50"},
)

token_uses = Table(
    "token_uses",
    metadata,
    Column("token", Text, primary_key=True),
    Column("used_at", DateTime(timezone=True), nullable=False),
    postgresql_with={"fillfactor": "50"},
)

backups = Table(
    "backups",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=true()),
    Column("completed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("is_only", name="one_row"),
)
