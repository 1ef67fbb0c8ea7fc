"""The device that a path names."""

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from heliograph.api.auth import instance_id_of
from heliograph.api.paths import PLATFORM
from heliograph.api.state import api_of
from heliograph.model.device import Device, Platform
from heliograph.model.errors import Malformed
from heliograph.model.ids import is_device_id
from heliograph.store import devices, instances

BASES = (
    "/device_api/v1/instances/{instance}",
    # What the Android SDK calls when an app overrides its host without this path.
    "/instances/{instance}",
)
NAMED_DEVICE = f"/devices/{PLATFORM}/{{device}}"


def platform_of(request: Request) -> Platform:
    return Platform(request.path_params["platform"])


def device_id_of(request: Request) -> str:
    """Raises Malformed if the path names none."""
    device_id = str(request.path_params["device"])
    if not is_device_id(device_id):
        raise Malformed("Invalid device id.")
    return device_id


async def device_of(request: Request) -> Device:
    """Raises NotFound, Malformed."""
    return await api_of(request).store.read(lambda tx: find_device(tx, request))


async def find_device(connection: AsyncConnection, request: Request) -> Device:
    """Raises NotFound, Malformed."""
    instance_id = instance_id_of(request)
    await instances.find(connection, instance_id)
    platform = platform_of(request)
    return await devices.find(connection, instance_id, platform, device_id_of(request))
