"""Every limit, once, in the unit of its name. The values that clients can see are Pusher Beams'."""

import re
from datetime import timedelta

MAX_USER_ID_CHARACTERS = 164
"""Unicode code points."""

MAX_DEVICES_PER_USER = 100
"""For each platform."""

MIN_SECRET_KEY_CHARACTERS = 32
MAX_SECRET_KEY_CHARACTERS = 256
MAX_INSTANCE_NAME_CHARACTERS = 200

MAX_INTEREST_CHARACTERS = 164
INTEREST_PATTERN = re.compile(r"[a-zA-Z0-9_\-=@,.;]+")
MAX_INTERESTS_PER_DEVICE = 5000
MAX_INTERESTS_PER_PAGE = 100

MAX_PUBLISHES_PER_PAGE = 100
MAX_USERS_PER_PAGE = 100
"""A page of what became of a publish, user by user."""

MAX_INTERESTS_PER_PUBLISH = 100
MAX_USERS_PER_PUBLISH = 1000
MAX_INTERESTS_PUBLISH_BYTES = 10 * 1024
MAX_USERS_PUBLISH_BYTES = 200 * 1024

MAX_IDEMPOTENCY_KEY_CHARACTERS = 255
IDEMPOTENCY_TIME = timedelta(hours=24)
"""How long an idempotency key stands for the publish that it first came with."""

MAX_DEVICE_BODY_BYTES = 1024 * 1024
"""5000 interests of 164 characters, replaced in one call, are about 0.9 MiB."""

MAX_PREVIOUS_DEVICES = 100
"""How many devices an app may say it was before; what it names beyond is not looked at."""

MAX_METADATA_BYTES = 4096
MAX_PUSH_TOKEN_CHARACTERS = 4096
MAX_ENDPOINT_CHARACTERS = 2048

MAX_TIME_TO_LIVE_S = 2_419_200
"""Four weeks: what Beams, FCM and Web Push services keep a message for at most."""

MAX_WEB_PAYLOAD_BYTES = 3993
"""Plaintext; encrypted it is the 4096 bytes that every push service must take (RFC 8291, 4)."""

MAX_BATCH_TARGETS = 500

PAUSED_LOOK_INTERVAL = timedelta(seconds=3)
"""How often what waits of a paused publish looks whether it goes on."""

MAX_RETRY_TIME = timedelta(minutes=60)
"""How long a target is retried, unless its message's time to live ends before."""

QUARANTINE_TIME = timedelta(days=30)
"""How long a device that a gateway had us remove can be restored."""

HOST_LOST_TIME = timedelta(days=7)
"""How long the host of a push endpoint may be lost before its device is taken to be gone."""

MAX_APNS_PAYLOAD_BYTES = 4096
MAX_VOIP_PAYLOAD_BYTES = 5120
MAX_COLLAPSE_ID_BYTES = 64
MAX_FCM_MESSAGE_BYTES = 4096
"""Keys and values of data and notification."""

MAX_WEBHOOK_URL_CHARACTERS = 2048
MAX_WEBHOOK_SECRET_CHARACTERS = 256
MAX_CUSTOM_DATA_BYTES = 16 * 1024
WEBHOOK_TIME = timedelta(seconds=3)
"""Within which a webhook's receiver must have taken a call."""

CLOCK_LEEWAY = timedelta(seconds=30)
"""How far the clock of an app server may differ when a Beams token's expiry is checked."""

MAX_INSIGHTS_DAYS = 400
MAX_INSIGHTS_DAYS_BY_HOUR = 31
"""Of how many days insights are read at once, so that no answer is too large."""
