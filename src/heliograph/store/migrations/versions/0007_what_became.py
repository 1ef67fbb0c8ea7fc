"""What became of a publish is kept target by target; webhooks and their calls; insights."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("devices", sa.Column("active_on", sa.BigInteger(), nullable=True))
    op.add_column("publishes", sa.Column("names", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("publishes", sa.Column("collapse_ids", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_publishes_instance_id_accepted_at_id"),
        "publishes",
        ["instance_id", "accepted_at", "id"],
    )
    _what_became()
    _webhooks()
    _insights()


def _what_became() -> None:
    op.create_table(
        "verdicts",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("publish_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id", "publish_id", "user_id", "device_id", "number", name=op.f("pk_verdicts")
        ),
    )
    op.create_index(
        op.f("ix_verdicts_instance_id_user_id_said_at"),
        "verdicts",
        ["instance_id", "user_id", "said_at"],
    )
    op.create_table(
        "device_history",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id",
            "user_id",
            "device_id",
            "happened_at",
            "what",
            name=op.f("pk_device_history"),
        ),
    )
    op.create_index(
        op.f("ix_device_history_instance_id_happened_at"),
        "device_history",
        ["instance_id", "happened_at"],
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("custom_data", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_calls",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=True),
        sa.Column("sealed_url", sa.LargeBinary(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("instance_id", "id", name=op.f("pk_webhook_calls")),
    )
    for columns in (("receiver", "due_at"), ("failed_at",)):
        name = "_".join(("ix_webhook_calls_instance_id", *columns))
        op.create_index(op.f(name), "webhook_calls", ["instance_id", *columns])


def _insights() -> None:
    counted = (
        "publishes",
        "targets",
        "delivered",
        "failed",
        "removed",
        "trackable",
        "acknowledged",
        "openable",
        "opened",
    )
    op.create_table(
        "insights",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in counted),
        sa.PrimaryKeyConstraint(
            "instance_id", "hour", "audience", "platform", "part", name=op.f("pk_insights")
        ),
    )
    op.create_table(
        "device_counts",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("subscribers", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "hour", "platform", name=op.f("pk_device_counts")),
    )
