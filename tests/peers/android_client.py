"""The official Android SDK 1.9.2 as a scripted client: its requests, in its order, its reactions.

Simplified in one thing: there is no thread. A job is done when it is queued, or when the phone is
online again and `work` is called.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from tests.client import Instance, Reply
from tests.compatibility import Sdk
from tests.peers.android_reactions import (
    ends_job,
    ends_put_of_all,
    ends_set_user,
    ends_start,
    ends_start_anew,
)
from tests.peers.android_reports import AndroidReports
from tests.peers.phone_jobs import (
    ApplicationStart,
    InterestJob,
    Job,
    RefreshToken,
    SetSubscriptions,
    SetUser,
    Start,
    Stop,
    Storage,
    Subscribe,
    Unsubscribe,
    interests_after,
    interests_changed,
    listed,
    request_of,
)
from tests.peers.phone_wire import (
    NoToken,
    Offline,
    Wire,
    WouldCrash,
    WouldLoop,
    is_success,
    registration_in,
    said_in_error,
)

ANDROID_SDK = Sdk("Android SDK (scripted from its protocol)", "1.9.2")
HEADERS = {"X-Pusher-Library": "push-notifications-android 1.9.2"}
MAX_RECREATIONS = 3
#: What retrofit leaves as it is in a part of a path, beside letters and digits.
_SAFE_IN_PATH = "!$&'()*+,;=:@[]~-._"

Judge = Callable[[Reply], bool]


class AlreadyRegisteredAnotherUser(Exception):
    """A device has one user until it is stopped."""


class AndroidApp:
    """A running process of an app.

    storage: what the processes before left. device_base and reporting_base: what the SDK puts
    before `instances/`. token_for: the app's token provider.
    """

    def __init__(
        self,
        instance: Instance,
        storage: Storage,
        *,
        metadata: Mapping[str, str],
        device_base: str = "/device_api/v1/",
        reporting_base: str = "/reporting_api/v2/",
    ) -> None:
        assert device_base.endswith("/"), "retrofit refuses it"
        self.storage = storage
        self.wire = Wire(instance.client, HEADERS)
        self.reports = AndroidReports(self.wire, storage, instance.id, reporting_base)
        self.token_for: Callable[[str], str] = instance.token
        self.user_results: list[str] = []
        self.interests_seen_by_listener: list[frozenset[str]] = []
        self._metadata = dict(metadata)
        self._devices = f"{device_base}instances/{instance.id}/devices/fcm"
        storage.jobs[:] = [job for job in storage.jobs if not isinstance(job, SetUser)]
        self.work()

    def start(self, token: str, *, previous: Sequence[str] = ()) -> None:
        """What an app calls whenever it is started. token: what Firebase gives it then."""
        self._queue(ApplicationStart())
        self._use_token(token, tuple(previous))

    def on_new_token(self, token: str) -> None:
        """Firebase has changed the token."""
        self._use_token(token, ())

    def subscribe(self, interest: str) -> None:
        self._change(Subscribe(interest))

    def unsubscribe(self, interest: str) -> None:
        self._change(Unsubscribe(interest))

    def set_subscriptions(self, interests: Sequence[str]) -> None:
        self._change(SetSubscriptions(frozenset(interests)))

    def set_user_id(self, user_id: str) -> None:
        """What came of it is in user_results. Raises AlreadyRegisteredAnotherUser."""
        if self.storage.user_id not in {None, user_id}:
            raise AlreadyRegisteredAnotherUser
        self._queue(SetUser(user_id))

    def stop(self) -> None:
        self.storage.interests = frozenset()
        self.storage.start_is_queued = False
        self._queue(Stop())

    def clear_all_state(self) -> None:
        token = self.storage.token
        assert token is not None
        self.stop()
        self.start(token)

    def work(self) -> None:
        """Do what is queued, as far as there is a network."""
        jobs = self.storage.jobs
        with suppress(Offline):
            while (index := self.storage.next_job) is not None:
                self._do(jobs[index])
                del jobs[: index + 1]

    def _queue(self, job: Job) -> None:
        self.storage.jobs.append(job)
        self.work()

    def _use_token(self, token: str, previous: tuple[str, ...]) -> None:
        if self.storage.start_is_queued:
            self._queue(RefreshToken(token))
        else:
            self.storage.start_is_queued = True
            self._queue(Start(token, previous))

    def _change(self, job: InterestJob) -> None:
        changed = interests_changed(self.storage.interests, job)
        if changed != self.storage.interests:
            self._hold(changed)
            self._queue(job)

    def _hold(self, interests: frozenset[str]) -> None:
        if interests != self.storage.interests:
            self.storage.interests = interests
            self.interests_seen_by_listener.append(interests)

    def _do(self, job: Job) -> None:
        match job:
            case Start():
                self._start(job)
            case ApplicationStart():
                self._application_start()
            case SetUser(user_id):
                self._set_user(user_id)
            case RefreshToken(token):
                self._refresh_token(token)
            case Stop():
                self._say("DELETE", "", is_final=is_success)
                self.storage.forget_device()
            case Subscribe() | Unsubscribe() | SetSubscriptions():
                self._said(lambda: self._say(*request_of(job, part)))

    def _start(self, job: Start) -> None:
        before = self.storage.jobs[: self.storage.jobs.index(job)]
        device_id, initial = self._register(job.token, job.previous, ends_start)
        self._hold(interests_after(initial, before))
        self.storage.device_id, self.storage.token = device_id, job.token
        if self.storage.interests != initial:
            self._put_all_interests()
        for one in before:
            if isinstance(one, SetUser | RefreshToken):
                self._do(one)

    def _register(
        self, token: str, previous: Sequence[str], is_final: Judge
    ) -> tuple[str, frozenset[str]]:
        body = {
            "token": token,
            "knownPreviousClientIds": list(previous),
            "metadata": self._metadata,
        }
        reply = self.wire.send_until(is_final, "POST", self._devices, json=body)
        device_id, initial = registration_in(reply) or ("", ())
        return device_id, frozenset(initial)

    def _application_start(self) -> None:
        """Tell of versions and interests once; whatever goes wrong is not noticed."""
        known = self.storage
        if known.confirmed_metadata != self._metadata and self._was_told(
            "/metadata", self._metadata
        ):
            known.confirmed_metadata = self._metadata
        if known.confirmed_interests != known.interests and self._was_told(
            "/interests", listed(known.interests)
        ):
            known.confirmed_interests = known.interests

    def _was_told(self, path: str, body: object) -> bool:
        with suppress(OSError, Offline):
            return is_success(self.wire.send("PUT", self._device() + path, json=body))
        return False

    def _refresh_token(self, token: str) -> None:
        if token != self.storage.token:
            reply = self._said(lambda: self._say("PUT", "/token", {"token": token}))
            if is_success(reply):
                self.storage.token = token

    def _set_user(self, user_id: str) -> None:
        if self.storage.user_id == user_id:
            self.user_results.append("ok")
            return
        if self.storage.user_id is not None:
            raise WouldCrash("IllegalStateException: another user is set")
        try:
            headers = {"Authorization": f"Bearer {self.token_for(user_id)}"}
        except NoToken:
            self.user_results.append("no token")
            return
        reply = self._said(
            lambda: self._say("PUT", "/user", headers=headers, is_final=ends_set_user)
        )
        if is_success(reply):
            self.storage.user_id = user_id
            self.user_results.append("ok")
        elif reply.status in {401, 403}:
            self.user_results.append("jwt rejected")
        else:
            self.user_results.append(said_in_error(reply, "description"))

    def _said(self, say: Callable[[], Reply]) -> Reply:
        """Say it; if the server has no such device, make one and say it again."""
        for _ in range(MAX_RECREATIONS):
            reply = say()
            if reply.status != 404:
                return reply
            self._recreate_device()
        raise WouldLoop("the device is made anew for ever")

    def _recreate_device(self) -> None:
        known = self.storage
        assert known.token is not None
        known.device_id, _ = self._register(known.token, (), ends_start_anew)
        if known.interests:
            self._put_all_interests()
        if known.user_id is not None:
            user_id, known.user_id = known.user_id, None
            with suppress(NoToken, OSError, Offline):
                headers = {"Authorization": f"Bearer {self.token_for(user_id)}"}
                if is_success(self.wire.send("PUT", self._device() + "/user", headers=headers)):
                    known.user_id = user_id

    def _put_all_interests(self) -> None:
        body = listed(self.storage.interests)
        self._say("PUT", "/interests", body, is_final=ends_put_of_all)

    def _say(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        is_final: Judge | None = None,
    ) -> Reply:
        return self.wire.send_until(
            is_final or ends_job, method, self._device() + path, json=body, headers=headers or {}
        )

    def _device(self) -> str:
        return f"{self._devices}/{part(self.storage.device_id or '')}"


def part(text: str) -> str:
    """A part of a path as retrofit writes it."""
    if text in {".", ".."}:
        raise WouldLoop("retrofit throws, and the job is tried again for ever")
    return quote(text, safe=_SAFE_IN_PATH)
