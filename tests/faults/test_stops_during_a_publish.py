"""What races a publish: a stop(), a deleted user, a device that changes hands.

Once such a call has returned, nothing more of the publish arrives at the device, not even what was
handed over before it, nor a retry. Both times are of one clock: the gateway's, of the arrival, and
the test's, of the return.
"""

import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from threading import Event, Lock
from time import monotonic

import pytest

from tests.apns_service import Answer, ApnsService
from tests.chance import drawn_anew
from tests.nats_cluster import NatsCluster
from tests.phones import import_iphones, iphone, set_apns_key
from tests.postgresql import Postgresql
from tests.server import Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

DEVICES = 4_000
USERS_A_PUBLISH = 1_000
CALLERS = 4
BUSY = 30
WITHIN_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A device of a user who has no other."""

    token: str
    device_id: str
    user: str


@pytest.fixture
def apns(tmp_path: Path) -> Iterator[ApnsService]:
    (tmp_path / "apns").mkdir()
    with ApnsService.start(tmp_path / "apns") as running:
        yield running


@pytest.fixture
def settings(apns: ApnsService) -> dict[str, str]:
    return {
        "HELIOGRAPH_APNS_URL": apns.url,
        "HELIOGRAPH_GATEWAY_CA": str(apns.ca_file),
        "HELIOGRAPH_DEVICE_RATE": "0",
    }


@pytest.fixture
def alone(tmp_path: Path, settings: dict[str, str]) -> Iterator[Server]:
    """A server that does all by itself."""
    with Server.start(tmp_path / "data", environment=settings) as server:
        yield server


@pytest.fixture
def with_workers(
    tmp_path: Path, settings: dict[str, str], postgresql: Postgresql
) -> Iterator[Server]:
    """A server that leaves the sending to two workers."""
    (tmp_path / "nats").mkdir()
    with NatsCluster.start(tmp_path / "nats", size=1) as nats:
        shared = {
            **settings,
            "HELIOGRAPH_DATABASE_URL": postgresql.new_database(),
            "HELIOGRAPH_NATS_URL": nats.url,
            "HELIOGRAPH_NATS_REPLICAS": "1",
        }
        none = {**shared, "HELIOGRAPH_ROLES": "none"}
        with (
            Server.start(tmp_path / "data", environment=none) as server,
            WorkerProcess.start(server.data, "first", environment=shared),
            WorkerProcess.start(server.data, "second", environment=shared),
        ):
            yield server


@pytest.mark.timeout(240)
@pytest.mark.parametrize("setup", ["alone", "with_workers"])
def test_once_the_call_has_returned_nothing_arrives_at_the_device(
    setup: str, request: pytest.FixtureRequest, apns: ApnsService, tmp_path: Path
) -> None:
    server: Server = request.getfixturevalue(setup)
    phones = crowd_of(server, apns, tmp_path)
    order = drawn_anew().sample(phones, len(phones))
    to_retry, others = order[:BUSY], order[BUSY:]
    for phone in to_retry:
        apns.answer_next(phone.token, Answer(status=503, reason="ServiceUnavailable"))
    calls = Calls(server)
    with calls.made_for(others):
        publish_ids = [publish(server, users) for users in pages_of(phones)]
        for phone in to_retry[: BUSY // 2]:
            eventually(partial(apns.requests, phone.token), within_s=WITHIN_S)
            calls.stop(phone)
        for publish_id in publish_ids:
            finished(server, publish_id, platform="apns", within_s=WITHIN_S)
    late = calls.late(apns)
    assert late == {}, f"{len(late)} of {len(calls.returned_s)}, by {max(late.values())} s"
    retried = Counter(one["token"] for one in apns.requests())
    assert [retried[phone.token] for phone in to_retry[BUSY // 2 :]] == [2] * (BUSY // 2)
    assert apns.refusals() == []


def crowd_of(server: Server, apns: ApnsService, directory: Path) -> list[Phone]:
    """Make devices, each of a user of its own."""
    set_apns_key(server, apns, directory)
    phones = [
        Phone(token=token, device_id=f"apns-{number:05}", user=f"user-{number:05}")
        for number, token in enumerate(apns.new_devices(DEVICES))
    ]
    devices = [{"token": one.token, "id": one.device_id, "userId": one.user} for one in phones]
    import_iphones(server, devices, directory / "devices.jsonl")
    return phones


def pages_of(phones: list[Phone]) -> Iterator[list[str]]:
    """The users, as many together as one publish may have."""
    for first in range(0, len(phones), USERS_A_PUBLISH):
        yield [phone.user for phone in phones[first : first + USERS_A_PUBLISH]]


def publish(server: Server, users: list[str]) -> str:
    reply = server.instance.publish.to_users(users, {"apns": {"aps": {"alert": "hello"}}})
    assert reply.status == 200
    return str(reply.json()["publishId"])


class Calls:
    """Calls that end what devices get. returned_s: when that for a push token had returned."""

    def __init__(self, server: Server) -> None:
        self.returned_s: dict[str, float] = {}
        self._instance = server.instance
        self._over = Event()

    @contextmanager
    def made_for(self, phones: list[Phone]) -> Iterator[None]:
        """Make one for each, by several callers, until the block ends."""
        kinds = cycle([self.stop, self._delete_user, self._hand_on])
        waiting = iter(list(zip(kinds, phones, strict=False)))
        taking = Lock()

        def call_on() -> None:
            while not self._over.is_set():
                with taking:
                    call, phone = next(waiting, (None, None))
                if call is None or phone is None:
                    return
                call(phone)

        with ThreadPoolExecutor(CALLERS) as pool:
            callers = [pool.submit(call_on) for _ in range(CALLERS)]
            try:
                yield
            finally:
                self._over.set()
        for caller in callers:
            caller.result()

    def stop(self, phone: Phone) -> None:
        assert self._instance.devices.delete(phone.device_id).status == 200
        self.returned_s[phone.token] = monotonic()

    def _delete_user(self, phone: Phone) -> None:
        assert self._instance.customer.delete_user(phone.user).status == 200
        self.returned_s[phone.token] = monotonic()

    def _hand_on(self, phone: Phone) -> None:
        """The phone is another user's from then on."""
        self.stop(phone)
        iphone(self._instance, phone.token, user=f"next-{phone.user}")

    def late(self, apns: ApnsService) -> dict[str, float]:
        """How many seconds after the return a message arrived, by push token."""
        return {
            one["token"]: one["arrived_s"] - self.returned_s[one["token"]]
            for one in apns.requests()
            if one["arrived_s"] > self.returned_s.get(one["token"], math.inf)
        }
