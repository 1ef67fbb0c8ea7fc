"""What an app may write for each platform's devices: the rules of Beams and of the gateways.

What no schema can say is checked when the message is made: its size, and all of FCM's rules, since
its body may be in the legacy API's words, in v1's, or in both.
"""

import re

from heliograph.model.device import Platform
from heliograph.model.limits import MAX_COLLAPSE_ID_BYTES, MAX_TIME_TO_LIVE_S
from heliograph.model.schema import (
    Anything,
    Boolean,
    Integer,
    Nothing,
    Object,
    OneOf,
    Schema,
    Text,
)

PUSH_TYPES = (
    "alert",
    "background",
    "voip",
    "complication",
    "fileprovider",
    "location",
    "liveactivity",
    "pushtotalk",
    "widgets",
    "controls",
    "mdm",
)
"""Apple: "Sending notification requests to APNs"."""

_MAX_EXPIRATION = 10**11
"""More can only be milliseconds."""

_DATA = Object(
    members={"pusher": Nothing(reason="this key is reserved")},
    about="For the app's own code.",
)

APNS = Object(
    about="Apple's own payload: `aps`, and what the app knows beside it.",
    members={
        "aps": Object(
            members={"content-available": OneOf(values=(1,), about="Wake the app.")},
            about="What iOS reads: `alert`, `badge`, `sound`, `category`, `thread-id` and so on.",
        ),
        "data": _DATA,
        "collapse_id": Text(
            min_length=1,
            max_length=MAX_COLLAPSE_ID_BYTES,
            # It travels in a header, which holds printable ASCII.
            pattern=re.compile(r"[!-~]([ -~]*[!-~])?"),
            otherwise="must be printable ASCII, without spaces at its ends",
            about="The notification replaces one with the same id.",
        ),
        "expiration": Integer(
            minimum=0,
            maximum=_MAX_EXPIRATION,
            about=(
                "Seconds since 1970, until when Apple keeps it for a sleeping device;"
                " 0: now or never."
            ),
        ),
        "priority": OneOf(values=(1, 5, 10), about="10, now, if not given."),
        "pusher": Object(
            members={
                "disable_delivery_tracking": Boolean(
                    about="The app is not woken to report the arrival."
                ),
                "push_type": OneOf(
                    values=PUSH_TYPES,
                    about="Sent as `apns-push-type`, if not the one that follows from `aps`.",
                ),
                "topic": Text(
                    pattern=re.compile(r"[A-Za-z0-9._-]{1,255}"),
                    otherwise="must be a bundle id, with the suffix of the push type",
                    about="Sent as `apns-topic`, if not the bundle id of the credential.",
                ),
            },
            about="For Heliograph alone; it does not reach the device.",
        ),
    },
)

FCM = Object(
    about=(
        "The legacy body of FCM without a target, or a message of FCM HTTP v1 (`android`, `apns`,"
        " `webpush`, …, or all of it below `message`), or both: then v1's words win. What FCM would"
        " refuse is refused."
    ),
    members={
        "data": _DATA,
        "notification": Anything(about="`title`, `body`, `icon`, `click_action` and so on."),
        "priority": Anything(about="normal or high."),
        "time_to_live": Anything(about=f"Seconds, 0 to {MAX_TIME_TO_LIVE_S}."),
        "collapse_key": Anything(about="The message replaces one with the same key."),
        "android": Anything(about="AndroidConfig of FCM HTTP v1."),
    },
)

WEB_NOTIFICATION = Object(
    about="What the SDK shows. Without it the SDK shows nothing by itself.",
    members={
        "title": Text(),
        "body": Text(),
        "icon": Text(about="URL of an image."),
        "deep_link": Text(about="URL that a click opens."),
        "hide_notification_if_site_has_focus": Boolean(),
    },
)

WEB = Object(
    about="The Beams format for browsers.",
    members={
        "time_to_live": Integer(
            minimum=0,
            maximum=MAX_TIME_TO_LIVE_S,
            default=MAX_TIME_TO_LIVE_S,
            about="Seconds that a push service keeps it for a sleeping browser.",
        ),
        "urgency": OneOf(
            # RFC 8030, 5.3
            values=("very-low", "low", "normal", "high"),
            about="May a push service let it wait to spare the battery?",
        ),
        "topic": Text(about="It replaces one of the same topic that waits for the browser."),
        "notification": WEB_NOTIFICATION,
        "data": _DATA,
    },
)

PAYLOADS: dict[str, Schema] = {
    Platform.APNS: APNS,
    Platform.FCM: FCM,
    Platform.WEB: WEB,
}
