"""A fake push service for the tests of the fake itself, and a sender that is known to be right."""

from collections.abc import Iterator

import pytest

from tests.apns_service import ApnsService
from tests.fakes.known_good import Sender, Vapid
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
