"""Why did it not arrive? The likely cause for a device, from all that the store knows.

Nothing is read here: what is known comes in as facts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from heliograph.model.answer_causes import cause_of_answer
from heliograph.model.causes import Cause, Situation, cause_of
from heliograph.model.device import Platform
from heliograph.model.event import EventKind
from heliograph.model.history import Happened, What
from heliograph.model.ids import DeviceId, PublishId, UserId
from heliograph.model.publish import AudienceKind
from heliograph.model.report import RETRIED, Listed, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tied:
    """A device that is the user's now, or was when it came into quarantine."""

    device_id: DeviceId
    platform: Platform
    registered_at: datetime
    in_quarantine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was said of a device in one try to send it a publish."""

    publish_id: PublishId
    device_id: DeviceId
    platform: Platform
    outcome: str
    reason: str
    said_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a device said of a publish."""

    publish_id: PublishId
    device_id: DeviceId
    kind: EventKind
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The publish that is asked about."""

    listed: Listed
    platforms: frozenset[Platform]
    """Those that it had something for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the store knows. What happened and what was said is oldest first."""

    user_id: UserId
    devices: Sequence[Tied]
    happened: Sequence[Happened]
    verdicts: Sequence[Verdict]
    reported: Sequence[Reported] = ()
    collapse_ids: Mapping[PublishId, Mapping[Platform, str]] = field(default_factory=dict)
    lanes: Mapping[Platform, Situation] = field(default_factory=dict)
    """Platforms to which nothing is sent now, and why."""
    meant: Meant | None = None
    is_anybody_there: bool = True
    """Whether the instance has any device."""

    def is_about(self, said: "Verdict | Reported") -> bool:
        """Whether that is of the publish that is asked about, if one is."""
        return self.meant is None or said.publish_id == self.meant.listed.publish_id


def situations_of_user(facts: Facts) -> Iterator[Situation]:
    """What is to be said of the user as a whole."""
    meant = facts.meant
    if meant is not None and meant.listed.audience != AudienceKind.USERS:
        yield Situation.UNKNOWN_OF_INTERESTS
    elif meant is not None and facts.user_id not in meant.listed.names:
        yield Situation.NOT_NAMED
    if facts.devices:
        return
    if any(one.what is What.USER_DELETED for one in facts.happened):
        yield Situation.USER_DELETED
    elif not facts.happened and not facts.verdicts:
        yield Situation.NEVER_TIED if facts.is_anybody_there else Situation.NEVER_REGISTERED


def cause_of_device(facts: Facts, device_id: str, platform: Platform) -> Cause:
    """Of the publish that is asked about, or of what was last sent to the device."""
    found = _Device(facts, device_id, platform).cause()
    return found if isinstance(found, Cause) else cause_of(found, platform)


class _Device:
    def __init__(self, facts: Facts, device_id: str, platform: Platform) -> None:
        self._facts = facts
        self._platform = platform
        self._tied = next((one for one in facts.devices if one.device_id == device_id), None)
        self._happened = [one for one in facts.happened if one.device_id in {device_id, ""}]
        self._sent = [one for one in facts.verdicts if one.device_id == device_id]
        self._verdicts = [one for one in self._sent if facts.is_about(one)]
        self._reported = [one for one in facts.reported if one.device_id == device_id]

    def cause(self) -> Situation | Cause:
        meant = self._facts.meant
        ended = self._ended()
        if meant is None and ended in {
            Situation.STOPPED,
            Situation.REPLACED,
            Situation.USER_DELETED,
        }:
            return ended
        if self._verdicts:
            return self._of_verdict(self._verdicts[-1])
        if meant is None or meant.listed.audience != AudienceKind.USERS:
            return ended or self._held_up() or Situation.NOTHING_SENT
        return self._not_meant(meant) or self._not_reached(meant)

    def _of_verdict(self, verdict: Verdict) -> Situation | Cause:
        match verdict.outcome:
            case "delivered":
                return self._of_delivered(verdict)
            case "cancelled":
                return Situation.PUBLISH_CANCELLED
            case "untied":
                return self._ended_by(verdict.said_at) or Situation.UNTIED
        held_up = self._held_up()
        if verdict.outcome == RETRIED and held_up is not None:
            return held_up
        cause = cause_of_answer(self._platform, verdict.outcome, verdict.reason)
        if self._tied is None or not self._tied.in_quarantine:
            return cause
        restore = "It is in quarantine; if that was wrong: heliograph device restore."
        return replace(cause, cure=f"{cause.cure} {restore}")

    def _of_delivered(self, verdict: Verdict) -> Situation:
        kinds = {one.kind for one in self._reported if one.publish_id == verdict.publish_id}
        if EventKind.OPEN in kinds:
            return Situation.OPENED
        if EventKind.DELIVERY in kinds:
            return Situation.ACKNOWLEDGED
        return Situation.COLLAPSED if self._is_collapsed(verdict) else Situation.NOT_ACKNOWLEDGED

    def _is_collapsed(self, verdict: Verdict) -> bool:
        """Whether a later message to it took the place of this one, if it was off line."""
        own = self._collapse_id(verdict.publish_id)
        return own is not None and any(
            self._collapse_id(later.publish_id) == own
            for later in self._sent
            if later.said_at > verdict.said_at and later.outcome == "delivered"
        )

    def _collapse_id(self, publish_id: PublishId) -> str | None:
        return self._facts.collapse_ids.get(publish_id, {}).get(self._platform)

    def _not_meant(self, meant: Meant) -> Situation | None:
        """Why the publish was not for this device, if that is certain."""
        if self._facts.user_id not in meant.listed.names:
            return Situation.NOT_NAMED
        if self._platform not in meant.platforms:
            return Situation.NOT_FOR_PLATFORM
        tied = [one.at for one in self._happened if one.what is What.TIED]
        is_late = bool(tied) and max(tied) > meant.listed.accepted_at
        return Situation.TIED_LATER if is_late else None

    def _not_reached(self, meant: Meant) -> Situation:
        """Why nothing was said of the device yet, though the publish may be for it."""
        match meant.listed.stage:
            case Stage.CANCELLED:
                return Situation.PUBLISH_CANCELLED
            case Stage.PAUSED:
                return Situation.PUBLISH_PAUSED
            case Stage.UNDER_WAY:
                return self._ended() or self._held_up() or Situation.NOT_SETTLED
            case Stage.FINISHED:
                return self._ended() or Situation.NO_TARGET

    def _held_up(self) -> Situation | None:
        """Why nothing is sent to the platform now, if so."""
        return self._facts.lanes.get(self._platform)

    def _ended(self) -> Situation | None:
        """How the device has ceased to be the user's; None if it has not."""
        if self._tied is not None:
            return Situation.IN_QUARANTINE if self._tied.in_quarantine else None
        return _ENDS.get(self._happened[-1].what) if self._happened else None

    def _ended_by(self, at: datetime) -> Situation | None:
        """How it had last ceased to be the user's by then."""
        before = [one for one in self._happened if one.at <= at]
        return _ENDS.get(before[-1].what) if before else None


_ENDS: Mapping[What, Situation] = {
    What.STOPPED: Situation.STOPPED,
    What.REPLACED: Situation.REPLACED,
    What.REMOVED: Situation.IN_QUARANTINE,
    What.USER_DELETED: Situation.USER_DELETED,
}
