"""Tokens grow old: the gateways' own code against the strict fakes, on a clock of the test."""

from datetime import UTC, datetime, timedelta

from heliograph.gateways.access_token import AccessToken, AccessTokens
from heliograph.gateways.apns import Apns
from heliograph.gateways.base import Message
from heliograph.gateways.guard import ANYWHERE
from heliograph.gateways.http2 import Http
from heliograph.gateways.provider_token import ProviderTokens
from heliograph.model.credential import ApnsKey, ServiceAccount
from heliograph.model.device import Device, Platform
from heliograph.model.ids import new_device_id, new_instance_id
from heliograph.model.verdict import CredentialRefused, Delivered
from tests.apns_service import BUNDLE, Answer, ApnsService
from tests.fcm_service import Answer as TokenAnswer
from tests.fcm_service import FcmService

HELLO = b'{"aps":{"alert":"hello"}}'
HEADERS = {"apns-push-type": "alert", "apns-priority": "10"}
EXPIRED = Answer(status=403, reason="ExpiredProviderToken")


class Clock:
    """Shows the time that it was set to, which starts as the real one."""

    def __init__(self) -> None:
        self.shows = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.shows

    def go(self, by: timedelta) -> None:
        self.shows += by


def an_iphone(apns: ApnsService) -> Device:
    return Device(
        instance_id=new_instance_id(),
        id=new_device_id(Platform.APNS),
        platform=Platform.APNS,
        push_token=apns.new_devices(1)[0],
        user_id=None,
        metadata={},
        registered_at=datetime.now(UTC),
    )


async def test_a_token_that_apple_calls_too_old_is_renewed_if_it_may_be(
    apns_service: ApnsService,
) -> None:
    key, clock, before = apns_service.new_key(), Clock(), apns_service.provider_tokens()
    credential = ApnsKey(
        team_id=key.team_id,
        key_id=key.key_id,
        bundle_id=BUNDLE,
        private_pem=key.private_pem.encode(),
        sandbox=False,
    )
    iphone = an_iphone(apns_service)
    message = Message(body=HELLO, headers=HEADERS, expires_at=datetime.now(UTC))
    clock.go(-timedelta(minutes=25))
    async with Http(ANYWHERE, apns_service.ca_file.read_bytes()) as http:
        apns = Apns(http, apns_service.url, credential, ProviderTokens(clock), clock)
        assert await apns.send(message, iphone) == Delivered()
        clock.go(timedelta(minutes=19))
        apns_service.answer_next(iphone.push_token, EXPIRED)
        # Of so young a token it can only be that a clock is wrong.
        assert await apns.send(message, iphone) == CredentialRefused("ExpiredProviderToken")
        clock.go(timedelta(minutes=6))
        apns_service.answer_next(iphone.push_token, EXPIRED)
        assert await apns.send(message, iphone) == Delivered()
        apns_service.answer_next(iphone.push_token, EXPIRED, EXPIRED)
        assert await apns.send(message, iphone) == CredentialRefused("ExpiredProviderToken")
    assert apns_service.provider_tokens() == before + 2


async def test_an_old_access_token_serves_while_no_new_one_can_be_had(
    fcm_service: FcmService,
) -> None:
    account, clock = fcm_service.new_account(), Clock()
    clock.go(-timedelta(minutes=58))
    credential = ServiceAccount(
        project_id=account["project_id"],
        client_email=account["client_email"],
        key_id=account["private_key_id"],
        private_pem=account["private_key"].encode(),
    )
    async with Http(ANYWHERE, fcm_service.ca_file.read_bytes()) as http:
        tokens = AccessTokens(http, fcm_service.token_url, clock)
        first = await tokens.token(credential)
        assert isinstance(first, AccessToken)
        fcm_service.answer_all_token_requests(TokenAnswer(status=503))
        clock.go(timedelta(minutes=56))  # four minutes before its end
        assert await tokens.token(credential) is first
        assert fcm_service.token_requests() == [200, 503]
