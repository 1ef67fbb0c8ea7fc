"""Since when the host of a device's push endpoint can't be found."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("devices", sa.Column("lost_since", sa.BigInteger(), nullable=True))
