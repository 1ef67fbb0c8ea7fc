"""The device API: what client SDKs call. A device's id is all it proves itself with.

Success is 200 with an empty body, where there is nothing to tell: some SDKs take no other 2xx.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heliograph import tokens
from heliograph.api.auth import beams_token_of, instance_id_of, secret_keys_of
from heliograph.api.body import Body, json_object
from heliograph.api.named_device import (
    BASES,
    NAMED_DEVICE,
    device_id_of,
    device_of,
    platform_of,
)
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.state import api_of
from heliograph.model.device import PUSH_TOKEN, Platform, parse_metadata, parse_push_token
from heliograph.model.ids import (
    DEVICE_ID,
    INTEREST,
    DeviceId,
    Interest,
    is_device_id,
    is_storable,
)
from heliograph.model.limits import (
    MAX_DEVICE_BODY_BYTES,
    MAX_INTERESTS_PER_DEVICE,
    MAX_METADATA_BYTES,
    MAX_PREVIOUS_DEVICES,
)
from heliograph.model.live import DeviceRegistered, DeviceStopped, PushTokenSet, UserSet
from heliograph.model.recall import Recalled
from heliograph.model.schema import Anything, Array, Nullable, Object, Text
from heliograph.store import credentials, devices, instances, interests, users
from heliograph.store.devices import Registered


async def vapid_public_key(request: Request) -> Response:
    """The key that a browser subscribes with."""
    instance_id = instance_id_of(request)
    key = await api_of(request).store.read(lambda tx: credentials.vapid_public_key(tx, instance_id))
    return JSONResponse({"vapidPublicKey": key})


_METADATA = Object(
    about=f"The SDK's and the system's versions, and the like: at most {MAX_METADATA_BYTES} bytes."
)
_REGISTRATION = Body(
    name="Registration",
    schema=Object(
        members={
            "token": PUSH_TOKEN,
            "metadata": Nullable(of=_METADATA),
            "knownPreviousClientIds": Anything(
                about=(
                    "A list of devices that the app was before. A new device begins with their"
                    " interests. What is no device is passed over."
                )
            ),
        },
        required=("token",),
    ),
    max_bytes=MAX_DEVICE_BODY_BYTES,
)
_APNS_REGISTRATION = Body(
    name="ApnsRegistration",
    schema=Object(
        members={
            **_REGISTRATION.schema.members,
            "bundleIdentifier": Text(example="com.example.app"),
        },
        required=("token", "bundleIdentifier"),
    ),
    max_bytes=MAX_DEVICE_BODY_BYTES,
)


async def register_apns(request: Request) -> Response:
    """Register an iPhone, iPad or Mac.

    A push token that is known gives the device it has, with its current interests.
    """
    return await _register(request, Platform.APNS, _APNS_REGISTRATION)


async def register_fcm(request: Request) -> Response:
    """Register an Android phone.

    A push token that is known gives the device it has, with its current interests.
    """
    return await _register(request, Platform.FCM, _REGISTRATION)


async def register_web(request: Request) -> Response:
    """Register a browser.

    A subscription that is known gives the device it has, with its current interests.
    """
    return await _register(request, Platform.WEB, _REGISTRATION)


async def _register(request: Request, platform: Platform, declared: Body) -> Response:
    api, instance_id = api_of(request), instance_id_of(request)
    await api.store.read(lambda tx: instances.find(tx, instance_id))
    body = await json_object(request, declared)
    push_token = parse_push_token(platform, body["token"])
    given = body.get("metadata")
    metadata = None if given is None else parse_metadata(given)
    previous = _previous_devices(body)

    async def work(tx: AsyncConnection) -> tuple[Registered, list[Interest]]:
        device = await devices.register(
            tx, instance_id, platform, push_token, metadata, now=api.now()
        )
        if device.is_new and previous:
            await interests.inherit(tx, instance_id, platform, device.id, previous)
        return device, await interests.of_device(tx, instance_id, device.id)

    device, current = await api.store.write(work)
    api.tell(
        instance_id,
        lambda: [DeviceRegistered(device_id=device.id, platform=platform, is_new=device.is_new)],
    )
    return JSONResponse({"id": device.id, "initialInterestSet": current})


async def show(request: Request) -> Response:
    """A device as it is. The user is an empty text, not null, while there is none."""
    device = await device_of(request)
    shown = {
        "id": device.id,
        "userId": device.user_id or "",
        "metadata": device.metadata,
        # By this name the Android SDK's tests read it.
        "deviceMetadata": device.metadata,
    }
    return JSONResponse(shown)


async def remove(request: Request) -> Response:
    """Untie and forget the device, at once. Also for one that is unknown: SDKs repeat this.

    Once this has returned, nothing more arrives there, also of what is on its way.
    """
    api = api_of(request)
    instance_id, platform = instance_id_of(request), platform_of(request)
    device_id = request.path_params["device"]

    async def work(tx: AsyncConnection) -> bool:
        await instances.find(tx, instance_id)
        if not is_storable(device_id):
            return False
        return await devices.remove(tx, instance_id, platform, device_id, now=api.now())

    if await api.store.write(work):
        api.tell(instance_id, lambda: [DeviceStopped(device_id=DeviceId(device_id))])
    # Also if it was not there: another call may be removing it, and not be done with this.
    await api.recall(Recalled(instance_id=instance_id, device_id=device_id))
    return Response()


_NEW_METADATA = Body(name="Metadata", schema=_METADATA, max_bytes=MAX_DEVICE_BODY_BYTES)


async def set_metadata(request: Request) -> Response:
    """Replace the device's metadata."""
    instance_id, platform = instance_id_of(request), platform_of(request)
    metadata = parse_metadata(await json_object(request, _NEW_METADATA))
    api = api_of(request)
    one = instance_id, platform, device_id_of(request)

    async def work(tx: AsyncConnection) -> None:
        await instances.find(tx, instance_id)
        await devices.set_metadata(tx, *one, metadata, now=api.now())

    await api.store.write(work)
    return Response()


_NEW_TOKEN = Body(
    name="PushToken",
    schema=Object(members={"token": PUSH_TOKEN}, required=("token",)),
    max_bytes=MAX_DEVICE_BODY_BYTES,
)


async def set_push_token(request: Request) -> Response:
    """Give the device a new push token; it keeps user and interests.

    Another device that had it is removed.
    """
    api = api_of(request)
    instance_id, platform = instance_id_of(request), platform_of(request)
    body = await json_object(request, _NEW_TOKEN)
    token = parse_push_token(platform, body["token"])

    async def work(tx: AsyncConnection) -> Sequence[DeviceId]:
        await instances.find(tx, instance_id)
        one = instance_id, platform, device_id_of(request)
        return await devices.set_push_token(tx, *one, token, now=api.now())

    others = await api.store.write(work)
    device_id = DeviceId(device_id_of(request))
    api.tell(instance_id, lambda: [PushTokenSet(device_id=device_id, instead_of=others)])
    for removed in others:
        await api.recall(Recalled(instance_id=instance_id, device_id=removed))
    return Response()


async def set_user(request: Request) -> Response:
    """Tie the device to the user that a Beams token proves."""
    api = api_of(request)
    instance_id, platform = instance_id_of(request), platform_of(request)
    keys = await secret_keys_of(api, instance_id)
    device_id = device_id_of(request)
    token = beams_token_of(request)
    user_id = tokens.verify(token, instance_id, keys, own_url=api.own_url, now=api.now())
    now = api.now()
    await api.store.write(
        lambda tx: users.tie(tx, instance_id, platform, device_id, user_id, now=now)
    )
    api.tell(instance_id, lambda: [UserSet(device_id=DeviceId(device_id), user_id=user_id)])
    return Response()


_VAPID_KEY = Object(members={"vapidPublicKey": Text()}, required=("vapidPublicKey",))
_REGISTERED = Object(
    members={
        "id": Text(pattern=DEVICE_ID),
        "initialInterestSet": Array(items=INTEREST, max_items=MAX_INTERESTS_PER_DEVICE),
    },
    required=("id", "initialInterestSet"),
)
_DEVICE = Object(
    members={
        "id": Text(pattern=DEVICE_ID),
        "userId": Text(about="Empty while there is none."),
        "metadata": Object(),
        "deviceMetadata": Object(about="The same as metadata."),
    },
    required=("id", "userId", "metadata", "deviceMetadata"),
)

_VAPID = Operation(answers=_VAPID_KEY, refuses=(404, 503))
# Apple's SDK stops when it is told 401 of the token.
_REGISTER_APNS = Operation(
    takes=_APNS_REGISTRATION, answers=_REGISTERED, refuses=(400, 401, 404, 503)
)
_REGISTER = Operation(takes=_REGISTRATION, answers=_REGISTERED, refuses=(400, 404, 503))
_SHOW = Operation(answers=_DEVICE, refuses=(400, 404, 503))
_REMOVE = Operation(refuses=(404, 503))
_SET_METADATA = Operation(takes=_NEW_METADATA, refuses=(400, 404, 503))
_SET_TOKEN = Operation(takes=_NEW_TOKEN, refuses=(400, 401, 404, 503))
_SET_USER = Operation(proof=Proof.BEAMS_TOKEN, refuses=(400, 401, 403, 404, 422, 503))


def _endpoints(base: str) -> list[Endpoint]:
    device = base + NAMED_DEVICE
    return [
        Endpoint("GET", f"{base}/web-vapid-public-key", vapid_public_key, _VAPID),
        Endpoint("POST", f"{base}/devices/apns", register_apns, _REGISTER_APNS),
        Endpoint("POST", f"{base}/devices/fcm", register_fcm, _REGISTER),
        Endpoint("POST", f"{base}/devices/web", register_web, _REGISTER),
        Endpoint("GET", device, show, _SHOW),
        Endpoint("DELETE", device, remove, _REMOVE),
        Endpoint("PUT", f"{device}/metadata", set_metadata, _SET_METADATA),
        Endpoint("PUT", f"{device}/token", set_push_token, _SET_TOKEN),
        Endpoint("PUT", f"{device}/user", set_user, _SET_USER),
    ]


endpoints = [endpoint for base in BASES for endpoint in _endpoints(base)]


def _previous_devices(body: dict[str, Any]) -> list[DeviceId]:
    """The devices that an Android app was before. What can't be one is passed over."""
    given = body.get("knownPreviousClientIds")
    named = given[:MAX_PREVIOUS_DEVICES] if isinstance(given, list) else []
    return [DeviceId(one) for one in named if isinstance(one, str) and is_device_id(one)]
