"""The message of FCM HTTP v1, as Google publishes it, and the rules beside it.

Source: discovery document `fcm:v1`, revision 20261023, from which the structs are in order and
name; a test compares the two. Its target (token, fid, topic, condition) is not part of it here: who
gets a message is not the payload's affair.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from heliograph.model.errors import Invalid
from heliograph.model.limits import MAX_FCM_MESSAGE_BYTES, MAX_TIME_TO_LIVE_S

Duration = Annotated[str, Meta(pattern=r"^\d{1,12}(\.\d{1,9})?s$")]
Instant = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")
]
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
HexColor = Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A JSON object in which an unknown field is an error: for one FCM refuses the message."""


class AndroidBackgroundSyncMessage(_Part, frozen=True):
    pass


class AndroidFcmOptions(_Part, frozen=True):
    analytics_label: str | None = None


class Color(_Part, frozen=True):
    alpha: float | None = None
    blue: float | None = None
    green: float | None = None
    red: float | None = None


class LightSettings(_Part, frozen=True):
    color: Color | None = None
    light_off_duration: Duration | None = None
    light_on_duration: Duration | None = None


NotificationPriority = Literal[
    "PRIORITY_UNSPECIFIED",
    "PRIORITY_MIN",
    "PRIORITY_LOW",
    "PRIORITY_DEFAULT",
    "PRIORITY_HIGH",
    "PRIORITY_MAX",
]
Visibility = Literal["VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"]


class _Shown(_Part, frozen=True):
    """What the two generations of Android notifications have in common."""

    body: str | None = None
    body_loc_args: list[str] | None = None
    body_loc_key: str | None = None
    channel_id: str | None = None
    click_action: str | None = None
    color: HexColor | None = None
    default_light_settings: bool | None = None
    default_sound: bool | None = None
    default_vibrate_timings: bool | None = None
    event_time: Instant | None = None
    icon: str | None = None
    image: str | None = None
    light_settings: LightSettings | None = None
    local_only: bool | None = None
    notification_count: Int32 | None = None
    notification_priority: NotificationPriority | None = None
    sound: str | None = None
    sticky: bool | None = None
    tag: str | None = None
    ticker: str | None = None
    title: str | None = None
    title_loc_args: list[str] | None = None
    title_loc_key: str | None = None
    vibrate_timings: list[Duration] | None = None
    visibility: Visibility | None = None


class AndroidNotification(_Shown, frozen=True):
    bypass_proxy_notification: bool | None = None
    proxy: Literal["PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"] | None = None


class AndroidNotificationV2(_Shown, frozen=True):
    id: Int32 | None = None


class AndroidRemoteNotification(_Part, frozen=True):
    mutable_content: bool | None = None
    notification: AndroidNotificationV2 | None = None
    use_as_v1_data_message: bool | None = None


class AndroidConfig(_Part, frozen=True):
    bandwidth_constrained_ok: bool | None = None
    collapse_key: str | None = None
    data: dict[str, str] | None = None
    direct_boot_ok: bool | None = None
    fcm_options: AndroidFcmOptions | None = None
    notification: AndroidNotification | None = None
    priority: Literal["NORMAL", "HIGH"] | None = None
    restricted_package_name: str | None = None
    restricted_satellite_ok: bool | None = None
    ttl: Duration | None = None


class AndroidConfigV2(_Part, frozen=True):
    background_sync: AndroidBackgroundSyncMessage | None = None
    bandwidth_constrained_ok: bool | None = None
    collapse_key: str | None = None
    data: dict[str, str] | None = None
    direct_boot_ok: bool | None = None
    fcm_options: AndroidFcmOptions | None = None
    remote_notification: AndroidRemoteNotification | None = None
    restricted_package_name: str | None = None
    restricted_satellite_ok: bool | None = None
    ttl: Duration | None = None


class ApnsFcmOptions(_Part, frozen=True):
    analytics_label: str | None = None
    image: str | None = None


class ApnsConfig(_Part, frozen=True):
    fcm_options: ApnsFcmOptions | None = None
    headers: dict[str, str] | None = None
    live_activity_token: str | None = None
    payload: dict[str, Any] | None = None


class FcmOptions(_Part, frozen=True):
    analytics_label: str | None = None


class Notification(_Part, frozen=True):
    body: str | None = None
    image: str | None = None
    title: str | None = None


class WebpushFcmOptions(_Part, frozen=True):
    analytics_label: str | None = None
    link: str | None = None


class WebpushConfig(_Part, frozen=True):
    data: dict[str, str] | None = None
    fcm_options: WebpushFcmOptions | None = None
    headers: dict[str, str] | None = None
    notification: dict[str, Any] | None = None


class Message(_Part, frozen=True):
    """A message without its target."""

    android: AndroidConfig | None = None
    android_v2: AndroidConfigV2 | None = None
    apns: ApnsConfig | None = None
    data: dict[str, str] | None = None
    fcm_options: FcmOptions | None = None
    notification: Notification | None = None
    webpush: WebpushConfig | None = None


def check(message: Mapping[str, Any]) -> None:
    """Raises Invalid, with the path of the field, if FCM would refuse the message."""
    try:
        parsed = msgspec.convert(message, Message)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    if parsed.android is not None and parsed.android_v2 is not None:
        raise Invalid("fcm.android_v2", "android and android_v2 exclude each other")
    for path, data in _data_of(parsed):
        _check_keys(path, data)
    for path, shown in _shown_of(parsed):
        _check_arguments(path, shown)
    for path, config in (("android", parsed.android), ("android_v2", parsed.android_v2)):
        if config is not None and config.ttl is not None:
            _check_time_to_live(f"fcm.{path}.ttl", config.ttl)
    _check_size(message)


_RESERVED = re.compile(r"from|gcm|message_type|google.*|gcm\.notification\..*", re.DOTALL)
"""Firebase: "ErrorCode", INVALID_ARGUMENT."""


def _data_of(message: Message) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield "fcm.data", message.data or {}
    if message.android is not None:
        yield "fcm.android.data", message.android.data or {}
    if message.android_v2 is not None:
        yield "fcm.android_v2.data", message.android_v2.data or {}


def _shown_of(message: Message) -> Iterator[tuple[str, _Shown]]:
    if message.android is not None and message.android.notification is not None:
        yield "fcm.android.notification", message.android.notification
    remote = message.android_v2 and message.android_v2.remote_notification
    if remote and remote.notification:
        yield "fcm.android_v2.remote_notification.notification", remote.notification


def _check_keys(path: str, data: Mapping[str, str]) -> None:
    for key in data:
        if _RESERVED.fullmatch(key):
            raise Invalid(f"{path}.{key}", "this key is reserved by FCM")


def _check_arguments(path: str, shown: _Shown) -> None:
    for name, arguments, key in (
        ("body", shown.body_loc_args, shown.body_loc_key),
        ("title", shown.title_loc_args, shown.title_loc_key),
    ):
        if arguments is not None and key is None:
            raise Invalid(f"{path}.{name}_loc_args", f"needs {name}_loc_key")


def _check_time_to_live(path: str, duration: str) -> None:
    if float(duration.removesuffix("s")) > MAX_TIME_TO_LIVE_S:
        raise Invalid(path, f"Must be less than or equal to {MAX_TIME_TO_LIVE_S}s")


def _check_size(message: Mapping[str, Any]) -> None:
    """Google does not say how it counts: all keys and texts that reach the app are counted here."""
    shown = message.get("android", {}).get("notification", {})
    parts = (message.get("data", {}), message.get("notification", {}), shown)
    size = sum(_size_of(part) for part in parts)
    if size > MAX_FCM_MESSAGE_BYTES:
        over = size - MAX_FCM_MESSAGE_BYTES
        limit = f"FCM takes {MAX_FCM_MESSAGE_BYTES}, metadata included"
        raise Invalid("fcm", f"is {over} bytes too large: {limit}")


def _size_of(value: object) -> int:
    if isinstance(value, dict):
        return sum(_size_of(key) + _size_of(part) for key, part in value.items())
    if isinstance(value, list):
        return sum(_size_of(part) for part in value)
    return len(str(value).encode())


_AT = re.compile(r"(?P<reason>.*) - at `(?:key in )?\$\.?(?P<path>[^`]*)`", re.DOTALL)


def _invalid(said: str) -> Invalid:
    """What msgspec says, with the path as it is written elsewhere: `fcm.android.ttl`."""
    found = _AT.fullmatch(said)
    if found is None:
        return Invalid("fcm", said)
    path = found["path"].replace("[...]", "").replace("[", ".").replace("]", "").strip(".")
    return Invalid(f"fcm.{path}".strip("."), found["reason"])
