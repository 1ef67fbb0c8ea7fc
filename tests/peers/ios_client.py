"""The official Swift SDK 4.0.0 as a scripted client: its requests, in its order, its reactions.

Simplified in one thing: there is no thread. A job is done when it is queued, or when the phone is
online again and `work` is called.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from tests.client import Instance, Reply
from tests.compatibility import Sdk
from tests.peers.phone_jobs import (
    ApplicationStart,
    InterestJob,
    Job,
    Report,
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
    WouldLoop,
    is_success,
    registration_in,
    said_in_error,
)

IOS_SDK = Sdk("iOS SDK (scripted from its protocol)", "4.0.0")
HEADERS = {
    "X-Pusher-Library": "push-notifications-swift 4.0.0",
    # With a body or without, whatever the method.
    "Content-Type": "application/json",
}
MAX_RECREATIONS = 3
AppState = Literal["active", "background", "inactive"]


class WillNotStart(Exception):
    """The server refuses the device: the SDK does nothing before the next launch."""


class IosApp:
    """A running process of an app. storage: what the processes before left.

    token_for: the app's token provider. fault: why the SDK will not start, if so.
    """

    def __init__(
        self,
        instance: Instance,
        storage: Storage,
        *,
        metadata: Mapping[str, str],
        bundle_identifier: str = "com.example.app",
    ) -> None:
        self.storage = storage
        self.wire = Wire(instance.client, HEADERS)
        self.token_for: Callable[[str], str] = instance.token
        self.user_results: list[str] = []
        self.fault: str | None = None
        self._instance_id = instance.id
        self._bundle_identifier = bundle_identifier
        self._metadata = dict(metadata)
        self._devices = f"/device_api/v1/instances/{instance.id}/devices/apns"
        self._events = f"/reporting_api/v2/instances/{instance.id}/events"
        storage.jobs[:] = [job for job in storage.jobs if not isinstance(job, SetUser)]
        self.work()

    def launch(self, token: str) -> None:
        """What an app does at each launch. token: what iOS gives it then."""
        self._queue(ApplicationStart())
        self.register_device_token(token)

    def register_device_token(self, token: str) -> None:
        self._queue(Start(token))

    def subscribe(self, interest: str) -> None:
        self._change(Subscribe(interest))

    def unsubscribe(self, interest: str) -> None:
        self._change(Unsubscribe(interest))

    def set_subscriptions(self, interests: Sequence[str]) -> None:
        self._change(SetSubscriptions(frozenset(interests)))

    def set_user_id(self, user_id: str) -> None:
        """What came of it is in user_results."""
        if self.storage.user_id not in {None, user_id}:
            self.user_results.append("another user is set")
        else:
            self._queue(SetUser(user_id))

    def stop(self) -> None:
        self.storage.interests = frozenset()
        self._queue(Stop())

    def clear_all_state(self) -> None:
        token = self.storage.token
        assert token is not None
        self.stop()
        self.launch(token)

    def work(self) -> None:
        """Do what is queued, as far as there is a network."""
        jobs = self.storage.jobs
        with suppress(Offline):
            while (index := self.storage.next_job) is not None:
                try:
                    self._do(jobs[index])
                except WillNotStart as refusal:
                    self.fault = str(refusal)
                    del jobs[index]
                else:
                    del jobs[: index + 1]

    def handle_notification(self, payload: Mapping[str, Any], state: AppState) -> str:
        """A notification arrives, or is tapped while the app was away (inactive)."""
        data = payload.get("data", {})
        pusher = data.get("pusher", {})
        if not {"instanceId", "publishId"} <= set(pusher):
            return "should process"
        flags = {
            "appInBackground": state == "background",
            "hasDisplayableContent": "alert" in payload.get("aps", {}),
            "hasData": len(data) > 1,
        }
        is_open = state == "inactive"
        self._report("Open" if is_open else "Delivery", pusher, {} if is_open else flags)
        is_for_the_app = state == "active" and flags["hasData"]
        ignored = "userShouldIgnore" in pusher and not is_for_the_app
        return "should ignore" if ignored else "should process"

    def _report(self, kind: str, pusher: Mapping[str, Any], extra: Mapping[str, object]) -> None:
        event = {
            "event": kind,
            "instanceId": self._instance_id,
            "deviceId": self.storage.device_id,
            "userId": self.storage.user_id,
            "publishId": pusher["publishId"],
            "timestampSecs": int(time.time()),
            **extra,
        }
        self._queue(Report({key: value for key, value in event.items() if value is not None}))

    def _queue(self, job: Job) -> None:
        self.storage.jobs.append(job)
        self.work()

    def _change(self, job: InterestJob) -> None:
        changed = interests_changed(self.storage.interests, job)
        if changed != self.storage.interests:
            self.storage.interests = changed
            self._queue(job)

    def _do(self, job: Job) -> None:
        match job:
            case Start():
                self._start(job)
            case ApplicationStart():
                self._application_start()
            case SetUser(user_id):
                self._set_user(user_id)
            case Stop():
                self._say("DELETE", "")
                self.storage.forget_device()
            case Report(event):
                self._said(
                    lambda: self.wire.send_until(_ends_job, "POST", self._events, json=event)
                )
            case Subscribe() | Unsubscribe() | SetSubscriptions():
                self._said(lambda: self._say(*request_of(job, _as_it_is)))

    def _start(self, job: Start) -> None:
        """At each launch: what the server says takes the place of the interests held here."""
        before = self.storage.jobs[: self.storage.jobs.index(job)]
        initial = self._register(job.token)
        self.storage.interests = interests_after(initial, before)
        if self.storage.interests != initial:
            self._say("PUT", "/interests", listed(self.storage.interests))
        for one in before:
            if isinstance(one, SetUser):
                self._do(one)

    def _register(self, token: str) -> frozenset[str]:
        body = {
            "token": token,
            "bundleIdentifier": self._bundle_identifier,
            "metadata": self._metadata,
        }
        reply = self.wire.send_until(_ends_start, "POST", self._devices, json=body)
        registration = registration_in(reply)
        if registration is None:
            raise WillNotStart(said_in_error(reply, "description"))
        self.storage.device_id, initial = registration
        self.storage.token = token
        return frozenset(initial or ())

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

    def _set_user(self, user_id: str) -> None:
        """The token that is fetched first is sent as long as it takes, for the same user, too."""
        try:
            headers = {"Authorization": f"Bearer {self.token_for(user_id)}"}
        except NoToken:
            self.user_results.append("no token")
            return
        reply = self._said(lambda: self._say("PUT", "/user", headers=headers))
        if is_success(reply):
            self.storage.user_id = user_id
            self.user_results.append("ok")
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
        self._register(known.token)
        if known.interests:
            self._say("PUT", "/interests", listed(known.interests))
        if known.user_id is not None:
            user_id, known.user_id = known.user_id, None
            with suppress(NoToken):
                headers = {"Authorization": f"Bearer {self.token_for(user_id)}"}
                if is_success(self._say("PUT", "/user", headers=headers)):
                    known.user_id = user_id

    def _say(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        where = self._device() + path
        return self.wire.send_until(_ends_job, method, where, json=body, headers=headers or {})

    def _device(self) -> str:
        return f"{self._devices}/{self.storage.device_id}"


def _as_it_is(text: str) -> str:
    return text


def _ends_job(reply: Reply) -> bool:
    return is_success(reply) or reply.status in {400, 401, 403, 404}


def _ends_start(reply: Reply) -> bool:
    if is_success(reply):
        return registration_in(reply) is not None
    impossible = said_in_error(reply, "description") == "Device could not be created"
    return reply.status in {400, 401, 403, 404} or impossible
