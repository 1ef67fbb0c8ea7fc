"""The tables. Each key begins with the instance, so that a database can be split by instance.

What many transactions count is spread over several rows, their `part`: they don't wait for each
other, and the sum is what is meant.

Changing a table here needs a migration beside it; a test compares the two.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

VERSION = "0007"
"""The migration that makes these tables what they are."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as milliseconds since 1970: the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else round(value.timestamp() * 1000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def owner_in(table: Table) -> Column[str]:
    """The column that says to which instance a row belongs."""
    return table.c.id if table is instances else table.c.instance_id


instances = Table(
    "instances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

secret_keys = Table(
    "secret_keys",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

vapid_keys = Table(
    "vapid_keys",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("public_key", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("credential_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("probes", Integer, nullable=False),
    Column("next_probe_at", Instant, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("credential_id", Text, primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("delivered", BigInteger, nullable=False),
    Column("gone", BigInteger, nullable=False),
    Column("mismatched", BigInteger, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("push_token", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("user_id", Text),
    Column("metadata", Text, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("vapid_key", Text),
    Column("lost_since", Instant),
    Column("active_on", Instant),
    UniqueConstraint("instance_id", "platform", "token_hash"),
    Index(None, "instance_id", "user_id", "id"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("push_token", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("user_id", Text),
    Column("metadata", Text, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("vapid_key", Text),
    Column("interests", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("removed_at", Instant, nullable=False),
    Index(None, "instance_id", "platform", "token_hash"),
    Index(None, "instance_id", "user_id"),
    Index(None, "instance_id", "removed_at"),
)

device_slots = Table(
    "device_slots",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("taken", Integer, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("interest", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Index(None, "instance_id", "device_id", "interest"),
)

imports = Table(
    "imports",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("progress", LargeBinary, nullable=False),
)

publishes = Table(
    "publishes",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("audience", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("finished_at", Instant),
    Column("collapse_ids", Text),
    Index(None, "instance_id", "accepted_at", "id"),
)

shards = Table(
    "shards",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("publish_id", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("start", Text, nullable=False),
    Column("until", Text),
    Column("position", Text, nullable=False),
    Column("targets", BigInteger, nullable=False),
    Column("batches", Integer, nullable=False),
    Column("settled", Integer, nullable=False),
    Column("done", Boolean, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("key_hash", LargeBinary, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False),
    Column("publish_id", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    Index(None, "instance_id", "accepted_at"),
)

batches = Table(
    "batches",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("publish_id", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first", Text, nullable=False),
    Column("last", Text, nullable=False),
    Column("progress", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("settled", Boolean, nullable=False),
)

publish_counts = Table(
    "publish_counts",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("publish_id", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("publish_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("event", Text, primary_key=True),
    Column("reported_at", Instant, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("publish_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("said_at", Instant, nullable=False),
    Index(None, "instance_id", "user_id", "said_at"),
)

device_history = Table(
    "device_history",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("happened_at", Instant, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "instance_id", "happened_at"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("events", Text, nullable=False),
    Column("custom_data", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

webhook_calls = Table(
    "webhook_calls",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("webhook_id", Text),
    Column("sealed_url", LargeBinary),
    Column("event", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant),
    Column("failed_at", Instant),
    Column("failure", Text),
    Index(None, "instance_id", "receiver", "due_at"),
    Index(None, "instance_id", "failed_at"),
)

insights = Table(
    "insights",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("audience", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("publishes", BigInteger, nullable=False),
    Column("targets", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=False),
    Column("trackable", BigInteger, nullable=False),
    Column("acknowledged", BigInteger, nullable=False),
    Column("openable", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
)

device_counts = Table(
    "device_counts",
    metadata,
    Column("instance_id", Text, primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("subscribers", BigInteger, nullable=False),
    Column("active", BigInteger, nullable=False),
    Column("counted_at", Instant, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
)
