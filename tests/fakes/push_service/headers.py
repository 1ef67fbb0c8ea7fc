"""The rules for the headers of a push message: RFC 8030, section 5, as strict as any vendor."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from tests.fakes.push_service.refusals import RefusedError, Rule

URGENCIES = frozenset({"very-low", "low", "normal", "high"})
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_DIGITS = re.compile(r"[0-9]{1,10}")


def check_unique(names: Iterable[str]) -> None:
    """Refuse a header that comes twice: which of the two counts would be a guess."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise RefusedError(Rule.DUPLICATE_HEADER, ", ".join(repeated))


def check_headers(headers: Mapping[str, str], body: bytes) -> None:
    """Check all headers but Authorization. headers: names in lower case."""
    _check_ttl(headers.get("ttl"))
    _check_urgency(headers.get("urgency"))
    _check_topic(headers.get("topic"))
    legacy = [name for name in ("encryption", "crypto-key") if name in headers]
    if legacy:
        raise RefusedError(Rule.LEGACY_HEADER, ", ".join(legacy))
    if body and headers.get("content-encoding") != "aes128gcm":
        raise RefusedError(Rule.CONTENT_ENCODING, repr(headers.get("content-encoding")))


def _check_ttl(ttl: str | None) -> None:
    if ttl is None:
        raise RefusedError(Rule.TTL_MISSING, "mandatory: RFC 8030, section 5.2")
    if not _DIGITS.fullmatch(ttl):
        raise RefusedError(Rule.TTL, f"not seconds: {ttl!r}")


def _check_urgency(urgency: str | None) -> None:
    if urgency is not None and urgency not in URGENCIES:
        raise RefusedError(Rule.URGENCY, repr(urgency))


def _check_topic(topic: str | None) -> None:
    # Apple decodes the topic as base64url and refuses impossible lengths; a multiple of four is
    # the one reading of its rule that is safe.
    if topic is not None and (not _TOPIC.fullmatch(topic) or len(topic) % 4 != 0):
        raise RefusedError(Rule.TOPIC, repr(topic))
