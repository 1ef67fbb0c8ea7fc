"""From what is known of a device follows why nothing arrived there, or that it did."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.model.causes import Situation, cause_of
from heliograph.model.device import Platform
from heliograph.model.diagnosis import (
    Facts,
    Meant,
    Reported,
    Tied,
    Verdict,
    cause_of_device,
    situations_of_user,
)
from heliograph.model.event import EventKind
from heliograph.model.history import Happened, What
from heliograph.model.ids import DeviceId, PublishId, UserId
from heliograph.model.publish import PublishState
from heliograph.model.report import Listed
from heliograph.model.timeline import timeline_of

NOW = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FCM = Platform.FCM
PHONE = DeviceId("fcm-1")
ONE, TWO = PublishId("pubid-1"), PublishId("pubid-2")
ALICE = UserId("alice")
TIED = Tied(device_id=PHONE, platform=FCM, registered_at=NOW - MINUTE)
NOTHING = Facts(user_id=ALICE, devices=[TIED], happened=[], verdicts=[])


def happened(what: What, at: datetime = NOW, device_id: str = PHONE) -> Happened:
    return Happened(device_id=device_id, platform="fcm", what=what, reason="", at=at)


def verdict(
    outcome: str, reason: str = "", publish_id: PublishId = ONE, at: datetime = NOW
) -> Verdict:
    return Verdict(
        publish_id=publish_id,
        device_id=PHONE,
        platform=FCM,
        outcome=outcome,
        reason=reason,
        said_at=at,
    )


def reported(kind: EventKind) -> Reported:
    return Reported(publish_id=ONE, device_id=PHONE, kind=kind, at=NOW + MINUTE)


def meant(
    *,
    names: tuple[str, ...] = ("alice",),
    audience: str = "users",
    state: PublishState = PublishState.RUNNING,
    finished: bool = True,
    platforms: tuple[Platform, ...] = (FCM,),
) -> Meant:
    listed = Listed(
        publish_id=ONE,
        audience=audience,
        names=names,
        accepted_at=NOW,
        state=state,
        finished_at=NOW if finished else None,
    )
    return Meant(listed=listed, platforms=frozenset(platforms))


S = Situation
DEVICES: dict[Situation, Facts] = {
    S.NOTHING_SENT: NOTHING,
    S.STOPPED: replace(NOTHING, devices=[], happened=[happened(What.STOPPED)]),
    S.REPLACED: replace(NOTHING, devices=[], happened=[happened(What.REPLACED)]),
    S.IN_QUARANTINE: replace(NOTHING, devices=[replace(TIED, in_quarantine=True)]),
    S.USER_DELETED: replace(
        NOTHING,
        devices=[],
        happened=[happened(What.USER_DELETED, NOW + MINUTE, "")],
        verdicts=[verdict("delivered")],
    ),
    S.NOT_ACKNOWLEDGED: replace(NOTHING, verdicts=[verdict("retried", "x"), verdict("delivered")]),
    S.ACKNOWLEDGED: replace(
        NOTHING, verdicts=[verdict("delivered")], reported=[reported(EventKind.DELIVERY)]
    ),
    S.OPENED: replace(
        NOTHING,
        verdicts=[verdict("delivered")],
        reported=[reported(EventKind.DELIVERY), reported(EventKind.OPEN)],
    ),
    S.COLLAPSED: replace(
        NOTHING,
        meant=meant(),
        verdicts=[verdict("delivered"), verdict("delivered", "", TWO, NOW + MINUTE)],
        collapse_ids={ONE: {FCM: "score"}, TWO: {FCM: "score"}},
    ),
    S.UNTIED: replace(NOTHING, verdicts=[verdict("untied")]),
    S.PUBLISH_CANCELLED: replace(NOTHING, verdicts=[verdict("cancelled")]),
    S.LANE_PAUSED: replace(
        NOTHING, verdicts=[verdict("retried", "UNAUTHENTICATED")], lanes={FCM: S.LANE_PAUSED}
    ),
    S.NO_CREDENTIAL: replace(NOTHING, meant=meant(finished=False), lanes={FCM: S.NO_CREDENTIAL}),
    S.NOT_SETTLED: replace(NOTHING, meant=meant(finished=False)),
    S.PUBLISH_PAUSED: replace(NOTHING, meant=meant(finished=False, state=PublishState.PAUSED)),
    S.NOT_NAMED: replace(NOTHING, meant=meant(names=("Alice",))),
    S.NOT_FOR_PLATFORM: replace(NOTHING, meant=meant(platforms=(Platform.WEB,))),
    S.TIED_LATER: replace(NOTHING, meant=meant(), happened=[happened(What.TIED, NOW + MINUTE)]),
    S.NO_TARGET: replace(NOTHING, meant=meant()),
}
ALSO: list[tuple[Situation, Facts]] = [
    (S.PUBLISH_CANCELLED, replace(NOTHING, meant=meant(state=PublishState.CANCELLED))),
    # Stopped before its turn; it has another id since.
    (
        S.STOPPED,
        replace(
            NOTHING,
            devices=[],
            happened=[happened(What.TIED, NOW - MINUTE), happened(What.STOPPED)],
            verdicts=[verdict("untied", at=NOW + MINUTE)],
        ),
    ),
    # What came later had another collapse id, or did not get there either.
    (
        S.NOT_ACKNOWLEDGED,
        replace(DEVICES[S.COLLAPSED], collapse_ids={ONE: {FCM: "score"}, TWO: {FCM: "other"}}),
    ),
    (
        S.NOT_ACKNOWLEDGED,
        replace(
            DEVICES[S.COLLAPSED],
            verdicts=[verdict("delivered"), verdict("failed", "HTTP 413", TWO, NOW + MINUTE)],
        ),
    ),
    # A device that was removed for a while is asked about what it was sent then.
    (S.LANE_PAUSED, replace(NOTHING, lanes={FCM: S.LANE_PAUSED})),
]


@pytest.mark.parametrize(("situation", "facts"), [*DEVICES.items(), *ALSO])
def test_a_situation_is_seen(situation: Situation, facts: Facts) -> None:
    assert cause_of_device(facts, PHONE, FCM) == cause_of(situation, FCM)


USERS: dict[str, tuple[Facts, list[Situation]]] = {
    "nobody registered": (
        replace(NOTHING, devices=[], is_anybody_there=False),
        [S.NEVER_REGISTERED],
    ),
    "never tied": (replace(NOTHING, devices=[]), [S.NEVER_TIED]),
    "deleted": (
        replace(NOTHING, devices=[], happened=[happened(What.USER_DELETED, device_id="")]),
        [S.USER_DELETED],
    ),
    "deleted and tied again": (
        replace(NOTHING, happened=[happened(What.USER_DELETED, device_id="")]),
        [],
    ),
    "stopped": (replace(NOTHING, devices=[], happened=[happened(What.STOPPED)]), []),
    "to interests": (
        replace(NOTHING, meant=meant(audience="interests")),
        [S.UNKNOWN_OF_INTERESTS],
    ),
    "to others": (replace(NOTHING, meant=meant(names=("bob",))), [S.NOT_NAMED]),
}


@pytest.mark.parametrize(("facts", "situations"), USERS.values(), ids=USERS)
def test_a_user_is_told_of_as_a_whole(facts: Facts, situations: list[Situation]) -> None:
    assert list(situations_of_user(facts)) == situations


def test_what_a_gateway_said_is_the_cause_and_a_device_in_quarantine_can_come_back() -> None:
    removed = replace(
        NOTHING,
        devices=[replace(TIED, in_quarantine=True)],
        happened=[happened(What.REMOVED)],
        verdicts=[verdict("removed", "SENDER_ID_MISMATCH")],
    )
    cause = cause_of_device(removed, PHONE, FCM)
    assert "wrong sender" in cause.cause
    assert "heliograph device restore" in cause.cure


def test_a_timeline_is_in_the_order_of_time_and_of_the_publish_that_is_asked_about() -> None:
    facts = replace(
        NOTHING,
        meant=meant(),
        happened=[happened(What.TIED, NOW - MINUTE / 2)],
        verdicts=[
            verdict("retried", "HTTP 503"),
            verdict("delivered", at=NOW + MINUTE / 2),
            verdict("delivered", "", TWO),
        ],
        reported=[reported(EventKind.OPEN)],
    )
    [device] = timeline_of(facts).devices
    said = [entry.what for entry in device.entries]
    assert said == ["registered", "tied", "retried", "delivered", "opened"]
    assert "to be tried again" in device.entries[2].meaning
