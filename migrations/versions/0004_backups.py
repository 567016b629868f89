"""When the registry was last backed up.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, which has one row once there is a backup."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.create_table(
        "backups",
        sa.Column("is_only", sa.Boolean, primary_key=True, server_default=sa.true()),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("is_only", name="one_row"),
    )


def downgrade() -> None:
    """Take it away; servers then show no backup."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_table("backups")
