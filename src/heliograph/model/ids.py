"""Ids as types of their own, so that a swap is a type error, and the rules for those others choose.

A parsed id is valid; nobody checks it again.
"""

import re
import uuid
from collections.abc import Iterable
from typing import NewType

from heliograph.model.errors import Invalid, LimitReached
from heliograph.model.limits import (
    INTEREST_PATTERN,
    MAX_INTEREST_CHARACTERS,
    MAX_INTERESTS_PER_DEVICE,
    MAX_USER_ID_CHARACTERS,
)

InstanceId = NewType("InstanceId", str)
DeviceId = NewType("DeviceId", str)
UserId = NewType("UserId", str)
PublishId = NewType("PublishId", str)
Interest = NewType("Interest", str)


def new_instance_id() -> InstanceId:
    return InstanceId(str(uuid.uuid4()))


def new_device_id(platform: str) -> DeviceId:
    return DeviceId(f"{platform}-{uuid.uuid4()}")


def is_device_id(text: str) -> bool:
    """Whether it could be a device id: the platform, and what can stand in a URL as it is.

    Ours have a UUID; devices that come from another service may have others.
    """
    return _DEVICE_ID.fullmatch(text) is not None


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


def parse_user_id(value: object, field: str) -> UserId:
    """An id that the app chose: 1 to 164 code points of any Unicode text. Raises Invalid."""
    text = _text(value, field, MAX_USER_ID_CHARACTERS)
    if not is_storable(text):
        raise Invalid(field, "must not contain NUL or unpaired surrogates")
    return UserId(text)


def parse_interest(value: object, field: str) -> Interest:
    """A public topic: 1 to 164 characters of A-Z a-z 0-9 _ - = @ , . ; Raises Invalid."""
    text = _text(value, field, MAX_INTEREST_CHARACTERS)
    if INTEREST_PATTERN.fullmatch(text) is None:
        raise Invalid(field, f"Does not match pattern '^{INTEREST_PATTERN.pattern}$'")
    return Interest(text)


def parse_interests(values: Iterable[object]) -> list[Interest]:
    """All interests of a device, each once. Raises Invalid, LimitReached."""
    each = (parse_interest(value, f"interests.{index}") for index, value in enumerate(values))
    parsed = list(dict.fromkeys(each))
    if len(parsed) > MAX_INTERESTS_PER_DEVICE:
        raise LimitReached("interests", MAX_INTERESTS_PER_DEVICE)
    return parsed


def is_storable(text: str) -> bool:
    """Whether every database takes the text: PostgreSQL has no NUL, UTF-8 no lone surrogates."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


_DEVICE_ID = re.compile(r"(apns|fcm|web)-[A-Za-z0-9._~-]{1,200}")


def _text(value: object, field: str, maximum: int) -> str:
    if not isinstance(value, str):
        raise Invalid(field, "Invalid type. Expected: string")
    if not value:
        raise Invalid(field, "String length must be greater than or equal to 1")
    if len(value) > maximum:
        raise Invalid(field, f"String length must be less than or equal to {maximum}")
    return value
