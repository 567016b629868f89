"""The counter, the objects, the change log and the allocations.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INET, JSON

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    # A migration that cannot have its lock at once must not queue readers behind it.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.create_table(
        "counter",
        sa.Column("is_only", sa.Boolean, primary_key=True, server_default=sa.true()),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("compacted", sa.BigInteger, nullable=False),
        sa.Column("cursors", JSON, nullable=False),
        sa.CheckConstraint("is_only", name="one_row"),
    )
    op.execute("INSERT INTO counter (revision, compacted, cursors) VALUES (0, 0, '{}')")
    op.create_table(
        "objects",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("namespace", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("uid", sa.Uuid, nullable=False, unique=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "changes",
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column(
            "committed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
    )
    op.create_table(
        "cluster_ips",
        sa.Column("address", INET, primary_key=True),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
    )
    op.create_table(
        "node_ports",
        sa.Column("port", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.CheckConstraint("port between 1 and 65535", name="port_range"),
    )


def downgrade() -> None:
    """Take them away, and what is in them."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    for table in ("node_ports", "cluster_ips", "changes", "objects", "counter"):
        op.drop_table(table)
