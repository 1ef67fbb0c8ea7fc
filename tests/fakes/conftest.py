"""The fakes for the tests of the fakes themselves, and senders that are known to be right."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.apns_service import ApnsService
from tests.fakes.fcm_requests import Account, Send, access_token
from tests.fakes.known_good import Sender, Vapid
from tests.fcm_service import FcmService
from tests.push_service import PushService


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    with PushService.start(tmp_path_factory.mktemp("push_service")) as push_service:
        yield push_service


@pytest.fixture(scope="package")
def running_apns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApnsService]:
    with ApnsService.start(tmp_path_factory.mktemp("apns")) as apns:
        yield apns


@pytest.fixture
def fake(running: PushService) -> PushService:
    running.reset()
    return running


@pytest.fixture(scope="session")
def vapid() -> Vapid:
    return Vapid.generate()


@pytest.fixture
def sender(fake: PushService, vapid: Vapid) -> Iterator[Sender]:
    with Sender(fake, vapid) as sender:
        yield sender


@pytest.fixture
def apns(running_apns: ApnsService) -> ApnsService:
    running_apns.reset()
    return running_apns


@pytest.fixture(scope="package")
def running_fcm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FcmService]:
    with FcmService.start(tmp_path_factory.mktemp("fcm")) as service:
        yield service


@pytest.fixture
def fcm(running_fcm: FcmService) -> FcmService:
    running_fcm.reset()
    return running_fcm


@pytest.fixture(scope="package")
def account(running_fcm: FcmService) -> Account:
    return running_fcm.new_account()


@pytest.fixture(scope="package")
def session(running_fcm: FcmService) -> Iterator[requests.Session]:
    with requests.Session() as session:
        # Else a CA of the environment would win over this one.
        session.trust_env = False
        session.verify = str(running_fcm.ca_file)
        yield session


@pytest.fixture(scope="package")
def bearer(running_fcm: FcmService, account: Account, session: requests.Session) -> str:
    return f"Bearer {access_token(running_fcm, account, session)}"


@pytest.fixture
def token(fcm: FcmService, account: Account) -> str:
    return fcm.new_devices(account["project_id"], 1)[0]


@pytest.fixture
def send(fcm: FcmService, account: Account, session: requests.Session, bearer: str) -> Send:
    def post(message: dict[str, Any], **changed: Any) -> requests.Response:
        url = f"{fcm.url}/v1/projects/{account['project_id']}/messages:send"
        request = {"json": {"message": message}, "headers": {"Authorization": bearer}, **changed}
        return session.request(request.pop("method", "POST"), request.pop("url", url), **request)

    return post
