"""Causes and cures: what it likely means that a notification did not arrive, and what to do.

Here is the table of what no gateway says; that of answers is in answer_causes.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from heliograph.model.device import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What likely happened, and what to do; an empty cure: nothing."""

    cause: str
    cure: str


class Situation(StrEnum):
    """Why nothing arrived, or that it did, where no gateway's answer tells it."""

    NEVER_REGISTERED = "never registered"
    NEVER_TIED = "never tied"
    USER_DELETED = "user deleted"
    NOT_NAMED = "not named"
    UNKNOWN_OF_INTERESTS = "unknown of interests"
    NOTHING_SENT = "nothing sent"
    NOT_SETTLED = "not settled"
    PUBLISH_PAUSED = "publish paused"
    PUBLISH_CANCELLED = "publish cancelled"
    LANE_PAUSED = "lane paused"
    NO_CREDENTIAL = "no credential"
    NOT_FOR_PLATFORM = "not for the platform"
    TIED_LATER = "tied later"
    NO_TARGET = "no target"
    UNTIED = "untied"
    STOPPED = "stopped"
    REPLACED = "replaced"
    IN_QUARANTINE = "in quarantine"
    COLLAPSED = "collapsed"
    NOT_ACKNOWLEDGED = "not acknowledged"
    ACKNOWLEDGED = "acknowledged"
    OPENED = "opened"


CHECK = "Ask with: heliograph gateway check. Set a good one with: heliograph gateway set"

_NO_ACKNOWLEDGEMENT = "its gateway took it, and the device has not said that it arrived"
_WHEN_OFF = "off line since, its time to live over while it was;"
_UNACKNOWLEDGED: Mapping[Platform, Cause] = {
    Platform.WEB: Cause(
        cause=f"{_NO_ACKNOWLEDGEMENT}: the browser is closed or {_WHEN_OFF} notifications are"
        " turned off in the system; or the service worker does not run the SDK",
        cure="Open the browser; look at the system's settings for it; load service-worker.js with"
        " the SDK imported, and the endpoint set there, too.",
    ),
    Platform.APNS: Cause(
        cause=f"{_NO_ACKNOWLEDGEMENT}: it is {_WHEN_OFF} a newer one took its place (Apple keeps"
        " one an app for a device that is off line); notifications are turned off; or the app was"
        " not woken to report (swiped away, low power, disable_delivery_tracking)",
        cure="Open the app; look at the phone's settings for its notifications; publish with a"
        " longer expiration.",
    ),
    Platform.FCM: Cause(
        cause=f"{_NO_ACKNOWLEDGEMENT}: it is {_WHEN_OFF} notifications are turned off; or Android's"
        " battery saving, or a forced stop, keeps the app asleep until it is opened",
        cure="Open the app; take it out of the battery optimisation; publish with a high priority.",
    ),
}

SITUATIONS: Mapping[Situation, Cause] = {
    Situation.NEVER_REGISTERED: Cause(
        cause="no device has ever registered with this instance",
        cure="Look whether the SDK is started with this instance id, and pointed at this server.",
    ),
    Situation.NEVER_TIED: Cause(
        cause="no device is tied to this user, and as far as is kept none was: devices have"
        " registered, but not for this user",
        cure="Let the app call setUserId with exactly this id, and look at what its token provider"
        " answers; the user id in the Beams token must be the same.",
    ),
    Situation.USER_DELETED: Cause(
        cause="the user was deleted, and all its devices with it",
        cure="A device must be tied again: the app calls setUserId after start.",
    ),
    Situation.NOT_NAMED: Cause(
        cause="the publish was not for this user",
        cure="Compare the user id with those that it was for: heliograph publish show. Upper and"
        " lower case are different.",
    ),
    Situation.UNKNOWN_OF_INTERESTS: Cause(
        cause="the publish was for interests: who got it is counted, not kept",
        cure="Look at the counts with: heliograph publish show; and at the device's interests with:"
        " heliograph device show.",
    ),
    Situation.NOTHING_SENT: Cause(
        cause="nothing was sent to this device, as far as is kept",
        cure="Publish to the user.",
    ),
    Situation.NOT_SETTLED: Cause(
        cause="not settled yet: the publish is under way",
        cure="Wait; how far it is, says: heliograph publish show.",
    ),
    Situation.PUBLISH_PAUSED: Cause(
        cause="the publish is paused",
        cure="Go on with: heliograph publish resume.",
    ),
    Situation.PUBLISH_CANCELLED: Cause(
        cause="the publish was cancelled before its turn came", cure="Publish again."
    ),
    Situation.LANE_PAUSED: Cause(
        cause="nothing is sent to this platform now: its gateway refuses the credential",
        cure=f"{CHECK}. What waits goes out then, for an hour.",
    ),
    Situation.NO_CREDENTIAL: Cause(
        cause="the instance has no credential for this platform",
        cure="Set one with: heliograph gateway set. What waits goes out then, for an hour.",
    ),
    Situation.NOT_FOR_PLATFORM: Cause(
        cause="the publish had nothing for this platform",
        cure="Publish with apns, fcm and web for all platforms that your users have.",
    ),
    Situation.TIED_LATER: Cause(
        cause="the device was tied to the user only after the publish was accepted",
        cure="Publish again.",
    ),
    Situation.NO_TARGET: Cause(
        cause="the device was none of the user's when the publish looked for them",
        cure="Publish again.",
    ),
    Situation.UNTIED: Cause(
        cause="the device was no longer the user's when its turn came", cure="Publish again."
    ),
    Situation.STOPPED: Cause(
        cause="the device was stopped: the app called stop() or clearAllState(), or it was deleted",
        cure="The app must start the SDK and call setUserId again, at the next login for example.",
    ),
    Situation.REPLACED: Cause(
        cause="another device of the same app has its push token now, perhaps another user's",
        cure="Let the app call setUserId after each login.",
    ),
    Situation.IN_QUARANTINE: Cause(
        cause="the device is in quarantine: its gateway said that it is gone",
        cure="If that was wrong, bring it back: heliograph device restore. It comes back by itself"
        " when it registers again.",
    ),
    Situation.COLLAPSED: Cause(
        cause="likely replaced while the device was off line: a later publish had the same"
        " collapse id",
        cure="Use a collapse id only where the newest one is enough.",
    ),
    Situation.ACKNOWLEDGED: Cause(cause="it arrived: the device said so", cure=""),
    Situation.OPENED: Cause(cause="it arrived, and was opened", cure=""),
}


def cause_of(situation: Situation, platform: Platform) -> Cause:
    """What a situation means."""
    if situation is Situation.NOT_ACKNOWLEDGED:
        return _UNACKNOWLEDGED[platform]
    return SITUATIONS[situation]
