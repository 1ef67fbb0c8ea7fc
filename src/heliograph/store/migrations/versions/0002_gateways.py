"""Credentials of gateways, what they say of them, and the devices that they had us remove."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "credentials",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "platform", name=op.f("pk_credentials")),
    )
    op.create_table(
        "pauses",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("next_probe_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "platform", name=op.f("pk_pauses")),
    )
    op.create_table(
        "answers",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=False),
        sa.Column("mismatched", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id", "platform", "credential_id", "hour", name=op.f("pk_answers")
        ),
    )
    _create_quarantine()
    _let_instances_have_several_vapid_keys()


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("push_token", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("vapid_key", sa.Text(), nullable=True),
        sa.Column("interests", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "id", name=op.f("pk_quarantine")),
    )
    for columns in (["instance_id", "platform", "token_hash"], ["instance_id", "user_id"]):
        op.create_index(op.f("_".join(["ix_quarantine", *columns])), "quarantine", columns)
    op.create_index(op.f("ix_quarantine_removed_at"), "quarantine", ["removed_at"])


def _let_instances_have_several_vapid_keys() -> None:
    with op.batch_alter_table("vapid_keys") as table:
        table.drop_constraint("pk_vapid_keys", type_="primary")
        table.create_primary_key("pk_vapid_keys", ["instance_id", "public_key"])
    op.add_column("devices", sa.Column("vapid_key", sa.Text(), nullable=True))
    op.execute(
        "UPDATE devices SET vapid_key = (SELECT public_key FROM vapid_keys"
        " WHERE vapid_keys.instance_id = devices.instance_id) WHERE platform = 'web'"
    )
