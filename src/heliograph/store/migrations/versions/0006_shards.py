"""Large publishes are fanned out in shards; what many count is spread over several rows.

What is pruned is found by instance.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for table, column in (("quarantine", "removed_at"), ("idempotency_keys", "accepted_at")):
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
        op.create_index(op.f(f"ix_{table}_instance_id_{column}"), table, ["instance_id", column])
    _spread_publish_counts()
    _spread_answers()
    # Batches of a version before the first that was released: none is under way.
    op.drop_table("batches")
    op.execute("UPDATE publishes SET finished_at = accepted_at WHERE finished_at IS NULL")
    for name in ("batches", "batches_settled", "fanned_out"):
        op.drop_column("publishes", name)
    op.add_column(
        "publishes", sa.Column("state", sa.Text(), nullable=False, server_default="running")
    )
    op.create_table(
        "shards",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("publish_id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=True),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("targets", sa.BigInteger(), nullable=False),
        sa.Column("batches", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id", "publish_id", "platform", "number", name=op.f("pk_shards")
        ),
    )
    op.create_table(
        "batches",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("publish_id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.Text(), nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.Column("progress", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id", "publish_id", "platform", "shard", "number", name=op.f("pk_batches")
        ),
    )


def _spread_publish_counts() -> None:
    op.rename_table("publish_counts", "old_publish_counts")
    _drop_key_of_old("publish_counts")
    op.create_table(
        "publish_counts",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("publish_id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id",
            "publish_id",
            "platform",
            "name",
            "part",
            name=op.f("pk_publish_counts"),
        ),
    )
    op.execute(
        "INSERT INTO publish_counts (instance_id, publish_id, platform, name, part, number)"
        " SELECT instance_id, publish_id, platform, name, 0, number FROM old_publish_counts"
    )
    op.drop_table("old_publish_counts")


def _spread_answers() -> None:
    op.rename_table("answers", "old_answers")
    _drop_key_of_old("answers")
    op.create_table(
        "answers",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=False),
        sa.Column("mismatched", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id", "platform", "credential_id", "hour", "part", name=op.f("pk_answers")
        ),
    )
    op.execute(
        "INSERT INTO answers"
        " (instance_id, platform, credential_id, hour, part, delivered, gone, mismatched)"
        " SELECT instance_id, platform, credential_id, hour, 0, delivered, gone, mismatched"
        " FROM old_answers"
    )
    op.drop_table("old_answers")


def _drop_key_of_old(table: str) -> None:
    """So that the new table can have a key of that name, where names are the whole schema's."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(f"pk_{table}", f"old_{table}")
