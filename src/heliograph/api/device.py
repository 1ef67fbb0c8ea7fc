"""The device API: what client SDKs call. A device's id is all it proves itself with.

Success is 200 with an empty body, where there is nothing to tell: some SDKs take no other 2xx.
"""

import base64
import binascii
import re
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heliograph import tokens
from heliograph.api.auth import beams_token_of, instance_id_of
from heliograph.api.body import json_object, optional_object
from heliograph.api.paths import PLATFORM, rest
from heliograph.api.state import api_of
from heliograph.model.device import Device, Platform, parse_push_token
from heliograph.model.errors import Incomplete, Invalid, LimitReached, Malformed
from heliograph.model.ids import DeviceId, Interest, is_storable, parse_interest
from heliograph.model.limits import (
    MAX_DEVICE_BODY_BYTES,
    MAX_INTERESTS_PER_DEVICE,
    MAX_INTERESTS_PER_PAGE,
    MAX_METADATA_BYTES,
    MAX_PREVIOUS_DEVICES,
)
from heliograph.store import credentials, devices, instances, interests, users

_DEVICE_ID = re.compile(r"(apns|fcm|web)-[0-9a-fA-F-]{36}")


async def vapid_public_key(request: Request) -> Response:
    """The key that a browser subscribes with."""
    async with api_of(request).store.reading() as connection:
        key = await credentials.vapid_public_key(connection, instance_id_of(request))
    return JSONResponse({"vapidPublicKey": key})


async def register(request: Request) -> Response:
    """Register a push token. A known one gives the device it has, with its current interests.

    A new device begins with those of the devices that its app says it was before.
    """
    api, instance_id, platform = (
        api_of(request),
        instance_id_of(request),
        _platform_of(request),
    )
    async with api.store.reading() as connection:
        await instances.find(connection, instance_id)
    body = await json_object(request, max_bytes=MAX_DEVICE_BODY_BYTES)
    push_token = parse_push_token(platform, body.get("token"))
    if platform is Platform.APNS and not isinstance(body.get("bundleIdentifier"), str):
        raise Incomplete("bundleIdentifier is required")
    metadata = _metadata(optional_object(body, "metadata"))
    previous = _previous_devices(body)
    async with api.store.writing() as tx:
        device = await devices.register(
            tx, instance_id, platform, push_token, metadata, now=api.now()
        )
        if device.is_new and previous:
            await interests.inherit(tx, instance_id, platform, device.id, previous)
        current = await interests.of_device(tx, instance_id, device.id)
    return JSONResponse({"id": device.id, "initialInterestSet": current})


async def show(request: Request) -> Response:
    """A device as it is. The user is an empty text, not null, while there is none."""
    device = await _device_of(request)
    shown = {
        "id": device.id,
        "userId": device.user_id or "",
        "metadata": device.metadata,
        # By this name the Android SDK's tests read it.
        "deviceMetadata": device.metadata,
    }
    return JSONResponse(shown)


async def remove(request: Request) -> Response:
    """Untie and forget the device, at once. Also for one that is unknown: SDKs repeat this."""
    instance_id, platform = instance_id_of(request), _platform_of(request)
    async with api_of(request).store.writing() as tx:
        await instances.find(tx, instance_id)
        device_id = request.path_params["device"]
        if is_storable(device_id):
            await devices.remove(tx, instance_id, platform, device_id)
    return Response()


async def set_metadata(request: Request) -> Response:
    """Replace the device's metadata."""
    instance_id, platform = instance_id_of(request), _platform_of(request)
    metadata = _metadata(await json_object(request, max_bytes=MAX_DEVICE_BODY_BYTES)) or {}
    async with api_of(request).store.writing() as tx:
        await instances.find(tx, instance_id)
        await devices.set_metadata(tx, instance_id, platform, _device_id(request), metadata)
    return Response()


async def set_push_token(request: Request) -> Response:
    """Give the device a new push token; it keeps user and interests."""
    api, instance_id, platform = (
        api_of(request),
        instance_id_of(request),
        _platform_of(request),
    )
    body = await json_object(request, max_bytes=MAX_DEVICE_BODY_BYTES)
    token = parse_push_token(platform, body.get("token"))

    async def work(tx: AsyncConnection) -> None:
        await instances.find(tx, instance_id)
        device_id = _device_id(request)
        await devices.set_push_token(tx, instance_id, platform, device_id, token, now=api.now())

    await api.store.write(work)
    return Response()


async def set_user(request: Request) -> Response:
    """Tie the device to the user that a Beams token proves."""
    api, instance_id, platform = (
        api_of(request),
        instance_id_of(request),
        _platform_of(request),
    )
    async with api.store.reading() as connection:
        keys = await instances.keys_of(connection, api.store.seal, instance_id)
    device_id = _device_id(request)
    token = beams_token_of(request)
    user_id = tokens.verify(token, instance_id, keys, own_url=api.own_url, now=api.now())
    async with api.store.writing() as tx:
        await users.tie(tx, instance_id, platform, device_id, user_id)
    return Response()


async def list_interests(request: Request) -> Response:
    """A page of the device's interests, and where the next page begins."""
    limit, after = _limit_of(request), _cursor_of(request)
    device = await _device_of(request)
    async with api_of(request).store.reading() as connection:
        page = await interests.of_device(
            connection, device.instance_id, device.id, after=after, limit=limit + 1
        )
    metadata = {"nextCursor": _cursor(page[limit - 1])} if len(page) > limit else {}
    return JSONResponse({"interests": page[:limit], "responseMetadata": metadata})


async def replace_interests(request: Request) -> Response:
    """Make these the device's interests."""
    body = await json_object(request, max_bytes=MAX_DEVICE_BODY_BYTES)
    wanted = body.get("interests")
    if not isinstance(wanted, list):
        raise Invalid("interests", "interests is required, an array of strings")
    parsed = dict.fromkeys(
        parse_interest(value, f"interests.{index}") for index, value in enumerate(wanted)
    )
    if len(parsed) > MAX_INTERESTS_PER_DEVICE:
        raise LimitReached("interests", MAX_INTERESTS_PER_DEVICE)
    async with api_of(request).store.writing() as tx:
        await interests.replace(tx, await _find(tx, request), parsed)
    return Response()


async def add_interest(request: Request) -> Response:
    """Subscribe the device."""
    interest = _interest_of(request)
    async with api_of(request).store.writing() as tx:
        await interests.add(tx, await _find(tx, request), interest)
    return Response()


async def remove_interest(request: Request) -> Response:
    """Unsubscribe the device."""
    interest = _interest_of(request)
    async with api_of(request).store.writing() as tx:
        await interests.remove(tx, await _find(tx, request), interest)
    return Response()


def _routes(base: str) -> list[Route]:
    of_platform = f"{base}/devices/{PLATFORM}"
    of_device = of_platform + "/{device}"
    of_interest = f"{of_device}/interests/{rest('interest')}"
    return [
        Route(base + "/web-vapid-public-key", vapid_public_key, methods=["GET"]),
        Route(of_platform, register, methods=["POST"]),
        Route(of_device, show, methods=["GET"]),
        Route(of_device, remove, methods=["DELETE"]),
        Route(of_device + "/metadata", set_metadata, methods=["PUT"]),
        Route(of_device + "/token", set_push_token, methods=["PUT"]),
        Route(of_device + "/user", set_user, methods=["PUT"]),
        Route(of_device + "/interests", list_interests, methods=["GET"]),
        Route(of_device + "/interests", replace_interests, methods=["PUT"]),
        Route(of_interest, add_interest, methods=["POST"]),
        Route(of_interest, remove_interest, methods=["DELETE"]),
    ]


routes = [
    *_routes("/device_api/v1/instances/{instance}"),
    # What the Android SDK calls when an app overrides its host without this path.
    *_routes("/instances/{instance}"),
]


async def _device_of(request: Request) -> Device:
    async with api_of(request).store.reading() as connection:
        return await _find(connection, request)


async def _find(connection: AsyncConnection, request: Request) -> Device:
    instance_id = instance_id_of(request)
    await instances.find(connection, instance_id)
    platform = _platform_of(request)
    return await devices.find(connection, instance_id, platform, _device_id(request))


def _platform_of(request: Request) -> Platform:
    return Platform(request.path_params["platform"])


def _device_id(request: Request) -> str:
    device_id = str(request.path_params["device"])
    if _DEVICE_ID.fullmatch(device_id) is None:
        raise Malformed("Invalid device id.")
    return device_id


def _previous_devices(body: dict[str, Any]) -> list[DeviceId]:
    """The devices that an Android app was before. What can't be one is passed over."""
    given = body.get("knownPreviousClientIds")
    named = given[:MAX_PREVIOUS_DEVICES] if isinstance(given, list) else []
    return [DeviceId(one) for one in named if isinstance(one, str) and _DEVICE_ID.fullmatch(one)]


def _interest_of(request: Request) -> Interest:
    return parse_interest(request.path_params["interest"], "interest")


def _metadata(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if given is not None and len(msgspec.json.encode(given)) > MAX_METADATA_BYTES:
        raise Invalid("metadata", f"must have at most {MAX_METADATA_BYTES} bytes")
    return given


def _limit_of(request: Request) -> int:
    text = request.query_params.get("limit", str(MAX_INTERESTS_PER_PAGE))
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004
    if not 1 <= limit <= MAX_INTERESTS_PER_PAGE:
        raise Invalid("limit", f"limit must be a number from 1 to {MAX_INTERESTS_PER_PAGE}")
    return limit


def _cursor(interest: Interest) -> str:
    return base64.urlsafe_b64encode(interest.encode()).decode().rstrip("=")


def _cursor_of(request: Request) -> str:
    """The interest behind which the page begins; empty for the first."""
    text = request.query_params.get("cursor", "")
    if not text:
        return ""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return parse_interest(decoded.decode("ascii"), "cursor")
    except (binascii.Error, ValueError, Invalid) as error:
        raise Invalid("cursor", "cursor must be the nextCursor of an earlier answer") from error
