"""Ids as types of their own, so that a swap is a type error, and the rules for those others choose.

A parsed id is valid; nobody checks it again.
"""

import re
import uuid
from collections.abc import Iterable
from typing import NewType

from heliograph.model.errors import Invalid, LimitReached, Mismatch
from heliograph.model.limits import (
    INTEREST_PATTERN,
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
    MAX_INTEREST_CHARACTERS,
    MAX_INTERESTS_PER_DEVICE,
    MAX_USER_ID_CHARACTERS,
)
from heliograph.model.schema import Text, check

InstanceId = NewType("InstanceId", str)
DeviceId = NewType("DeviceId", str)
UserId = NewType("UserId", str)
PublishId = NewType("PublishId", str)
Interest = NewType("Interest", str)
IdempotencyKey = NewType("IdempotencyKey", str)


def new_instance_id() -> InstanceId:
    return InstanceId(str(uuid.uuid4()))


def new_device_id(platform: str) -> DeviceId:
    return DeviceId(f"{platform}-{uuid.uuid4()}")


DEVICE_ID = re.compile(r"(apns|fcm|web)-[A-Za-z0-9._~-]{1,200}")


def is_device_id(text: str) -> bool:
    """Whether it could be a device id: the platform, and what can stand in a URL as it is.

    Ours have a UUID; devices that come from another service may have others.
    """
    return DEVICE_ID.fullmatch(text) is not None


def new_publish_id() -> PublishId:
    return PublishId(f"pubid-{uuid.uuid4()}")


def parse_instance_id(text: str) -> InstanceId:
    """A UUID in any case, as lower-case text. Raises Invalid."""
    try:
        parsed = str(uuid.UUID(text))
    except ValueError:
        parsed = ""
    if parsed != text.lower():
        raise Invalid("instanceId", "must be a UUID like 8f9a6e22-2483-49aa-8552-125f1a4c5781")
    return InstanceId(parsed)


STORABLE = re.compile(r"[^\x00]*")
NOT_STORABLE = "must not contain NUL or unpaired surrogates"

USER_ID = Text(
    min_length=1,
    max_length=MAX_USER_ID_CHARACTERS,
    pattern=STORABLE,
    otherwise=NOT_STORABLE,
    example="alice",
    about="An id that the app chose: any Unicode text.",
)
INTEREST = Text(
    min_length=1,
    max_length=MAX_INTEREST_CHARACTERS,
    pattern=INTEREST_PATTERN,
    example="news",
    about="A public topic that devices subscribe to.",
)


def parse_user_id(value: object, field: str) -> UserId:
    """An id that the app chose: 1 to 164 code points of any Unicode text. Raises Invalid."""
    check(USER_ID, value, field)
    # Not in a JSON body, but a token's claims or a path can hold half a character.
    if not is_storable(str(value)):
        raise Mismatch(field, NOT_STORABLE)
    return UserId(str(value))


def parse_interest(value: object, field: str) -> Interest:
    """A public topic: 1 to 164 characters of A-Z a-z 0-9 _ - = @ , . ; Raises Invalid."""
    check(INTEREST, value, field)
    return Interest(str(value))


def parse_interests(values: Iterable[object]) -> list[Interest]:
    """All interests of a device, each once. Raises Invalid, LimitReached."""
    return each_once(
        parse_interest(value, f"interests.{index}") for index, value in enumerate(values)
    )


def each_once(interests: Iterable[Interest]) -> list[Interest]:
    """The same without repetitions. Raises LimitReached if a device can't have so many."""
    found = list(dict.fromkeys(interests))
    if len(found) > MAX_INTERESTS_PER_DEVICE:
        raise LimitReached("interests", MAX_INTERESTS_PER_DEVICE)
    return found


IDEMPOTENCY_KEY = Text(
    min_length=1,
    max_length=MAX_IDEMPOTENCY_KEY_CHARACTERS,
    pattern=re.compile(r"[ -~]+"),
    otherwise="must be printable ASCII",
    about="The app server's own name for a request: sent again within 24 hours, it is that one.",
)


def parse_idempotency_key(text: str, field: str) -> IdempotencyKey:
    """The app server's own name for a request: 1 to 255 printable ASCII. Raises Invalid."""
    check(IDEMPOTENCY_KEY, text, field)
    return IdempotencyKey(text)


def is_storable(text: str) -> bool:
    """Whether every database takes the text: PostgreSQL has no NUL, UTF-8 no lone surrogates."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
