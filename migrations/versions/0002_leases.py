"""When each lease was last renewed.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.create_table(
        "leases",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("namespace", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=False),
        # Half of each page stays free, so that a renewed row finds its place beside the old one.
        postgresql_with={"fillfactor": "50"},
    )


def downgrade() -> None:
    """Take it away; heartbeats are lost, and begin anew."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_table("leases")
