"""For each answer that a gateway can give there is a cause in plain words, and a cure."""

import re

import pytest

from heliograph.gateways import apns, fcm
from heliograph.model.answer_causes import ANSWERS, cause_of_answer
from heliograph.model.causes import Situation, cause_of
from heliograph.model.device import Platform
from heliograph.model.verdict import CredentialRefused, DeviceGone, Drop, Retry, Verdict

LAST = ANSWERS[-1].cause
APNS, FCM, WEB = Platform.APNS, Platform.FCM, Platform.WEB


def outcome_of(verdict: Verdict) -> str:
    return "removed" if isinstance(verdict, DeviceGone) else "failed"


KNOWN = [
    *((APNS, verdict) for verdict in apns.REASONS.values()),
    *((FCM, verdict) for verdict in fcm.ERRORS.values()),
]


@pytest.mark.parametrize(("platform", "verdict"), KNOWN)
def test_every_reason_that_is_known_by_name_has_a_cause(
    platform: Platform, verdict: Verdict
) -> None:
    assert isinstance(verdict, DeviceGone | CredentialRefused | Retry | Drop)
    cause = cause_of_answer(platform, outcome_of(verdict), verdict.reason)
    if isinstance(verdict, CredentialRefused):
        assert re.search("credential|environment|topic", cause.cause)
        assert cause.cure
    elif isinstance(verdict, DeviceGone):
        assert re.search("wrong|uninstalled", cause.cause)
    elif verdict.reason not in {"IdleTimeout", "Shutdown"}:
        assert cause.cause != LAST


MEANT = [
    (APNS, "removed", "HTTP 410 Unregistered", "uninstalled"),
    (APNS, "failed", "HTTP 410 Unregistered, but registered again since", "registered again"),
    (APNS, "failed", "HTTP 413 PayloadTooLarge", "larger"),
    (APNS, "failed", "HTTP 400 PayloadEmpty", "never take"),
    (APNS, "retried", "HTTP 503 ServiceUnavailable", "away"),
    (APNS, "retried", "ConnectError", "away"),
    (APNS, "failed", "the TLS certificate was refused", "credential refused"),
    (APNS, "removed", "BadDeviceToken", "wrong environment"),
    (APNS, "failed", "BadDeviceToken", "wrong environment"),
    (APNS, "removed", "DeviceTokenNotForTopic", "wrong topic"),
    (FCM, "removed", "SENDER_ID_MISMATCH", "wrong sender"),
    (FCM, "removed", "HTTP 400 INVALID_ARGUMENT", "no push token"),
    (FCM, "failed", "HTTP 400 INVALID_ARGUMENT", "never take"),
    (FCM, "retried", "HTTP 429 QUOTA_EXCEEDED", "quota"),
    (FCM, "failed", "HTTP 404", "credential refused"),
    (FCM, "failed", "no access token: HTTP 400 invalid_grant", "credential refused"),
    (FCM, "retried", "no access token: HTTP 503", "away"),
    (WEB, "removed", "HTTP 410", "permission revoked"),
    (WEB, "removed", "HTTP 404", "permission revoked"),
    (WEB, "removed", "HTTP 403", "wrong sender"),
    (WEB, "removed", "HTTP 400 VapidPkHashMismatch", "wrong sender"),
    (WEB, "failed", "HTTP 401", "credential refused"),
    (WEB, "retried", "HTTP 429", "asks to wait"),
    (WEB, "failed", "HTTP 413", "larger"),
    (WEB, "failed", "HTTP 302", "never take"),
    (WEB, "retried", "Windows: throttled", "asks to wait"),
    (WEB, "failed", "Windows: dropped", "Windows"),
    (WEB, "retried", "the host name can't be resolved", "can't be found"),
    (WEB, "removed", "the host name can't be resolved, for a week", "can't be found"),
    (WEB, "failed", "the endpoint is in a network that must not be reached", "network"),
    (FCM, "failed", "no credential for fcm is set", "no credential"),
    (FCM, "failed", "no other credential was set", "credential was refused"),
    (WEB, "failed", "the time to live is over", "time to live"),
]


@pytest.mark.parametrize(("platform", "outcome", "reason", "words"), MEANT)
def test_an_answer_means(platform: Platform, outcome: str, reason: str, words: str) -> None:
    cause = cause_of_answer(platform, outcome, reason)
    assert words in cause.cause
    assert cause.cure


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("situation", Situation)
def test_every_situation_is_told_in_words_for_every_platform(
    situation: Situation, platform: Platform
) -> None:
    cause = cause_of(situation, platform)
    assert cause.cause
    assert cause.cure or situation in {Situation.ACKNOWLEDGED, Situation.OPENED}


def test_no_answer_is_left_without_a_cause() -> None:
    for platform in Platform:
        for outcome in ("failed", "removed", "retried"):
            assert cause_of_answer(platform, outcome, "never heard of").cause
            assert cause_of_answer(platform, outcome, "").cause
