"""When each token was last used.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.create_table(
        "token_uses",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        # Half of each page stays free, so that a rewritten row finds its place beside the old one.
        postgresql_with={"fillfactor": "50"},
    )


def downgrade() -> None:
    """Take it away; tokens are shown as never used until they are used again."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_table("token_uses")
