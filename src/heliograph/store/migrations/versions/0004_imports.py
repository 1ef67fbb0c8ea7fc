"""How far the imports of files have come."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("progress", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "path", name=op.f("pk_imports")),
    )
