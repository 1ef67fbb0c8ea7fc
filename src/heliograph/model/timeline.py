"""Why did it not arrive? All that is known of a user's devices, as one timeline each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from heliograph.model.answer_causes import cause_of_answer
from heliograph.model.causes import Cause, cause_of
from heliograph.model.device import Platform
from heliograph.model.diagnosis import (
    Facts,
    Reported,
    Verdict,
    cause_of_device,
    situations_of_user,
)
from heliograph.model.event import EventKind
from heliograph.model.history import Happened, What
from heliograph.model.ids import PublishId, UserId
from heliograph.model.report import RETRIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a timeline."""

    at: datetime
    what: str
    reason: str = ""
    publish_id: PublishId | None = None
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTimeline:
    """What happened to one device, and why nothing arrived there last, if so."""

    device_id: str
    platform: str
    state: str
    """tied, in quarantine or gone."""
    cause: Cause
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """causes: of the user as a whole."""

    user_id: UserId
    publish_id: PublishId | None
    causes: Sequence[Cause]
    entries: Sequence[Entry]
    devices: Sequence[DeviceTimeline]


def timeline_of(facts: Facts) -> Timeline:
    """What became of notifications to a user, and why."""
    meant = facts.meant
    return Timeline(
        user_id=facts.user_id,
        publish_id=None if meant is None else meant.listed.publish_id,
        causes=[cause_of(one, Platform.WEB) for one in situations_of_user(facts)],
        entries=[_entry_of_event(one) for one in facts.happened if not one.device_id],
        devices=[_device_timeline(facts, *one) for one in _devices_in(facts).items()],
    )


def _devices_in(facts: Facts) -> dict[str, str]:
    """The platform of each device that anything is known of; those that are there first."""
    devices: dict[str, str] = {one.device_id: one.platform for one in facts.devices}
    for happened in reversed(facts.happened):
        if happened.device_id:
            devices.setdefault(happened.device_id, happened.platform)
    for verdict in reversed(facts.verdicts):
        devices.setdefault(verdict.device_id, verdict.platform)
    return devices


def _device_timeline(facts: Facts, device_id: str, platform: str) -> DeviceTimeline:
    tied = next((one for one in facts.devices if one.device_id == device_id), None)
    entries = [_entry_of_event(one) for one in facts.happened if one.device_id == device_id]
    entries += [
        _entry_of_verdict(one) for one in facts.verdicts if _is_shown(facts, one, device_id)
    ]
    entries += [_entry_of_report(one) for one in facts.reported if _is_shown(facts, one, device_id)]
    if tied is not None:
        entries.append(Entry(at=tied.registered_at, what="registered", meaning=_REGISTERED))
    state = "gone" if tied is None else "in quarantine" if tied.in_quarantine else "tied"
    return DeviceTimeline(
        device_id=device_id,
        platform=platform,
        state=state,
        cause=cause_of_device(facts, device_id, Platform(platform)),
        entries=sorted(entries, key=lambda entry: entry.at),
    )


def _is_shown(facts: Facts, one: Verdict | Reported, device_id: str) -> bool:
    return one.device_id == device_id and facts.is_about(one)


_REGISTERED = "the last time that it registered"
_HAPPENED: Mapping[What, str] = {
    What.TIED: "tied to the user",
    What.STOPPED: "stopped by the app, or deleted by a command",
    What.REPLACED: "removed: another device has its push token now",
    What.REMOVED: "removed into quarantine: its gateway said that it is gone",
    What.RETURNED: "back by itself: it registered again",
    What.RESTORED: "brought back by a command",
    What.USER_DELETED: "the user was deleted, with all devices",
}
_SAID: Mapping[str, str] = {
    "delivered": "its gateway took it",
    "untied": "left out: it was no longer the user's",
    "cancelled": "left out: the publish was cancelled",
}
_TRIED_AGAIN = "to be tried again"
_SHOWN_AS: Mapping[EventKind, tuple[str, str]] = {
    EventKind.DELIVERY: ("acknowledged", "the device said that it arrived"),
    EventKind.OPEN: ("opened", "the user opened it"),
}


def _entry_of_event(one: Happened) -> Entry:
    return Entry(at=one.at, what=one.what, reason=one.reason, meaning=_HAPPENED[one.what])


def _entry_of_verdict(one: Verdict) -> Entry:
    meaning = _SAID.get(one.outcome)
    if meaning is None:
        meaning = cause_of_answer(one.platform, one.outcome, one.reason).cause
        meaning = f"{_TRIED_AGAIN}: {meaning}" if one.outcome == RETRIED else meaning
    return Entry(
        at=one.said_at,
        what=one.outcome,
        reason=one.reason,
        publish_id=one.publish_id,
        meaning=meaning,
    )


def _entry_of_report(one: Reported) -> Entry:
    what, meaning = _SHOWN_AS[one.kind]
    return Entry(at=one.at, what=what, publish_id=one.publish_id, meaning=meaning)


def shown_timeline(timeline: Timeline) -> dict[str, object]:
    """The timeline as JSON has it."""
    return {
        "userId": timeline.user_id,
        "publishId": timeline.publish_id,
        "causes": [_shown_cause(cause) for cause in timeline.causes],
        "events": [_shown_entry(entry) for entry in timeline.entries],
        "devices": [
            {
                "deviceId": device.device_id,
                "platform": device.platform,
                "state": device.state,
                **_shown_cause(device.cause),
                "events": [_shown_entry(entry) for entry in device.entries],
            }
            for device in timeline.devices
        ],
    }


def _shown_cause(cause: Cause) -> dict[str, object]:
    return {"cause": cause.cause, "cure": cause.cure}


def _shown_entry(entry: Entry) -> dict[str, object]:
    return {
        "at": entry.at,
        "what": entry.what,
        "publishId": entry.publish_id,
        "reason": entry.reason,
        "meaning": entry.meaning,
    }
