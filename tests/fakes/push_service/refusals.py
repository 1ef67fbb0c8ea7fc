"""The rules that a push message must keep, each by the name under which its breach is recorded.

RFC 8030 (request), RFC 8188 and RFC 8291 (body), RFC 8292 (VAPID), and what the browsers' own
services add to them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What a refusal names."""

    METHOD = "method"
    DUPLICATE_HEADER = "duplicate-header"
    TTL_MISSING = "ttl-missing"
    TTL = "ttl"
    URGENCY = "urgency"
    TOPIC = "topic"
    CONTENT_ENCODING = "content-encoding"
    LEGACY_HEADER = "legacy-header"
    AUTHORIZATION = "authorization"
    VAPID_SCHEME = "vapid-scheme"
    VAPID_PARAMETERS = "vapid-parameters"
    VAPID_KEY = "vapid-key"
    VAPID_KEY_MISMATCH = "vapid-key-mismatch"
    VAPID_JWT = "vapid-jwt"
    VAPID_ALGORITHM = "vapid-algorithm"
    VAPID_SIGNATURE = "vapid-signature"
    VAPID_AUDIENCE = "vapid-audience"
    VAPID_EXPIRY = "vapid-expiry"
    VAPID_SUBJECT = "vapid-subject"
    VAPID_RENEWAL = "vapid-renewal"
    CACHE_POLICY = "cache-policy"
    BODY_TOO_LARGE = "body-too-large"
    BODY_TOO_SHORT = "body-too-short"
    KEY_ID_LENGTH = "key-id-length"
    RECORD_SIZE = "record-size"
    ONE_RECORD = "one-record"
    SENDER_KEY = "sender-key"
    SENDER_KEY_IS_VAPID_KEY = "sender-key-is-vapid-key"
    SALT_REUSED = "salt-reused"
    SENDER_KEY_REUSED = "sender-key-reused"
    DECRYPTION = "decryption"
    DELIMITER = "delimiter"


ABOUT_VAPID = frozenset(
    {
        Rule.AUTHORIZATION,
        Rule.VAPID_SCHEME,
        Rule.VAPID_PARAMETERS,
        Rule.VAPID_KEY,
        Rule.VAPID_KEY_MISMATCH,
        Rule.VAPID_JWT,
        Rule.VAPID_ALGORITHM,
        Rule.VAPID_SIGNATURE,
        Rule.VAPID_AUDIENCE,
        Rule.VAPID_EXPIRY,
        Rule.VAPID_SUBJECT,
        Rule.VAPID_RENEWAL,
    }
)


class RefusedError(Exception):
    """A push message broke a rule."""

    def __init__(self, rule: Rule, detail: str) -> None:
        super().__init__(rule, detail)
        self.rule = rule
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is remembered of a message that broke a rule."""

    rule: Rule
    detail: str
    token: str
