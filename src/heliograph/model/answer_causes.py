"""What each kind of answer of a gateway likely means, in the words that gateways/ gives them.

What it does to a device, docs/how-it-works.md tells.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from heliograph.model.causes import CHECK, Cause
from heliograph.model.device import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A kind of answer. pattern: found in the reason. outcomes, platforms: any, if empty."""

    pattern: str
    cause: str
    cure: str
    platforms: Collection[Platform] = ()
    outcomes: Collection[str] = ()
    compiled: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", re.compile(self.pattern))

    def is_for(self, platform: Platform, outcome: str, reason: str) -> bool:
        return (
            (not self.platforms or platform in self.platforms)
            and (not self.outcomes or outcome in self.outcomes)
            and self.compiled.search(reason) is not None
        )


APNS, FCM, WEB = (Platform.APNS,), (Platform.FCM,), (Platform.WEB,)
_REMOVED = ("removed",)

ANSWERS = (
    # Ours, on any platform.
    _Answer(
        pattern=r"^the time to live is over$",
        cause="its time to live was over, or the time to try, before it could be sent",
        cure="Publish with a longer time to live; look whether it was paused, or waited for long.",
    ),
    _Answer(
        pattern=r"^no other credential was set$",
        cause="the credential was refused, and within an hour no other one was set",
        cure=f"{CHECK}.",
    ),
    _Answer(
        pattern=r"^no credential for \w+ is set$",
        cause="the instance has no credential for this platform",
        cure="Set one with: heliograph gateway set, within an hour of a publish.",
    ),
    # APNs. Apple: "Handling notification responses from APNs".
    _Answer(
        platforms=APNS,
        pattern=r"^BadDeviceToken$",
        cause="wrong environment: the push token is of Apple's other one (sandbox or production)",
        cure="An app run from Xcode is of the sandbox: heliograph gateway set apns --sandbox, in an"
        " instance of its own. One from TestFlight or the App Store is of production.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^DeviceTokenNotForTopic$",
        cause="wrong topic: the push token is of an app with another bundle id",
        cure="Set the bundle id that the app is built with:"
        " heliograph gateway set apns --bundle-id.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^(BadTopic|MissingTopic|TopicDisallowed)$",
        cause="wrong topic: the credential may not be used for this bundle id",
        cure="Set the credential and the bundle id of the same app: heliograph gateway set apns.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^BadEnvironmentKey(Id)?InToken$|^BadCertificateEnvironment$",
        cause="wrong environment: the credential is for Apple's other one (sandbox or production)",
        cure="Set it again, with or without --sandbox: heliograph gateway set apns.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^ExpiredProviderToken$",
        cause="credential refused: by Apple's clock its token is too old",
        cure="Set this machine's clock by NTP; see: heliograph doctor.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^(BadCertificate|Forbidden|InvalidProviderToken|MissingProviderToken"
        r"|UnrelatedKeyIdInToken|the TLS certificate was refused)$",
        cause="credential refused: the key or certificate is revoked, expired, or of another team",
        cure=f"{CHECK} apns.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"registered again since$",
        cause="the push token was gone, and the device has registered again meanwhile",
        cure="Publish again.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^HTTP 410",
        cause="app uninstalled or permission revoked: Apple says that the push token is gone",
        cure="Nothing; the device registers again when the app is started again.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^TooManyRequests$",
        cause="too many notifications for this one device in a short time",
        cure="Publish less often to it, or with a collapse_id.",
    ),
    _Answer(
        platforms=APNS,
        pattern=r"^TooManyProviderTokenUpdates$",
        cause="Apple says that the token is renewed too often: another program uses the same key",
        cure="Give Heliograph a key of its own.",
    ),
    # FCM. Firebase: "FCM Error Codes".
    _Answer(
        platforms=FCM,
        pattern=r"^UNREGISTERED$",
        cause="app uninstalled, its data cleared, or not opened for months: Google says that the"
        " push token is gone",
        cure="Nothing; the device registers again when the app is started again.",
    ),
    _Answer(
        platforms=FCM,
        pattern=r"^SENDER_ID_MISMATCH$",
        cause="wrong sender: the push token is of another Firebase project",
        cure="Set the service account of the project that the app's google-services.json is of:"
        " heliograph gateway set fcm --service-account.",
    ),
    _Answer(
        platforms=FCM,
        outcomes=_REMOVED,
        pattern=r"^HTTP 400",
        cause="Google says that this is no push token",
        cure="Look at what the app registers: it must be the token that Firebase gives it.",
    ),
    _Answer(
        platforms=FCM,
        pattern=r"^(UNAUTHENTICATED|PERMISSION_DENIED|THIRD_PARTY_AUTH_ERROR)$"
        r"|^HTTP (401|403|404)|^no access token: HTTP 4|^the token endpoint",
        cause="credential refused: the service account is deleted, of another project, or may not"
        " send",
        cure=f"{CHECK} fcm.",
    ),
    _Answer(
        platforms=FCM,
        pattern=r"^HTTP 429",
        cause="Google's quota for the project, or for this device, is used up",
        cure="Publish less at once, or ask Google for more.",
    ),
    # Web Push. RFC 8030, RFC 8292, and what the services add.
    _Answer(
        platforms=WEB,
        pattern=r"^HTTP (404|410)$",
        cause="permission revoked, or the browser's data cleared: the subscription is gone",
        cure="Nothing; the browser subscribes again when the page starts the SDK again.",
    ),
    _Answer(
        platforms=WEB,
        outcomes=_REMOVED,
        pattern=r"^HTTP (401|403)$|VapidPkHashMismatch",
        cause="wrong sender: the subscription was made with a VAPID key that the instance has not",
        cure="If you have that key, add it: heliograph gateway set web --private-key.",
    ),
    _Answer(
        platforms=WEB,
        pattern=r"^HTTP (400|401|403)$|VapidPkHashMismatch|^there is no VAPID key$",
        cause="credential refused: the push service does not take our signature",
        cure="Set --contact (Safari takes none without), and the clock; look with: heliograph"
        " doctor.",
    ),
    _Answer(
        platforms=WEB,
        pattern=r"^the host name can't be resolved",
        cause="the push service's host can't be found",
        cure="Look at the DNS of this machine. After a week the device is removed.",
    ),
    _Answer(
        platforms=WEB,
        pattern=r"in a network that must not be reached",
        cause="the subscription's address is in a network that must not be reached",
        cure="If it is your own push service: --allow-private-endpoints.",
    ),
    _Answer(
        platforms=WEB,
        pattern=r"^Windows: .*dropped$",
        cause="Windows dropped it: notifications are turned off for the browser, or the channel is"
        " full",
        cure="Turn them on in the settings of Windows.",
    ),
    # Any gateway.
    _Answer(
        pattern=r"^HTTP 413",
        cause="the message is larger than the gateway takes",
        cure="Make it smaller.",
    ),
    _Answer(
        outcomes=_REMOVED,
        pattern=r"",
        cause="the gateway says that the push token is gone",
        cure="Nothing; the device registers again when the app is started again.",
    ),
    _Answer(
        pattern=r"^HTTP (406|429)|throttled$",
        cause="the gateway asks to wait: too many notifications in a short time",
        cure="Nothing; it is tried again for an hour. Publish less at once, if it is often so.",
    ),
    _Answer(
        pattern=r"^HTTP [34]",
        cause="the gateway will never take this message",
        cure="Look at what the publish had for this platform.",
    ),
    _Answer(
        pattern=r"",
        cause="the gateway is away or can't be reached",
        cure="Nothing, if it passes: it is tried again for an hour. Else look at the network of"
        " this machine.",
    ),
)
"""The first that fits is meant; the last fits always."""


def cause_of_answer(platform: Platform, outcome: str, reason: str) -> Cause:
    """What an answer likely means. outcome: retried, failed or removed."""
    found = next(one for one in ANSWERS if one.is_for(platform, outcome, reason))
    return Cause(cause=found.cause, cure=found.cure)
