"""Who is calling: app servers prove themselves with a secret key, devices with a Beams token."""

import hmac
from collections.abc import Sequence

from starlette.requests import Request

from heliograph.api.client_address import client_network
from heliograph.api.state import Api
from heliograph.model.errors import Incomplete, Invalid, NotFound, Unauthorized, Unavailable
from heliograph.model.ids import InstanceId, parse_instance_id
from heliograph.model.instance import SecretKey
from heliograph.store import instances


def instance_id_of(request: Request) -> InstanceId:
    """The instance that the path names. Raises NotFound if it can't be one."""
    try:
        return parse_instance_id(request.path_params["instance"])
    except Invalid as error:
        raise NotFound("instance") from error


async def require_secret_key(request: Request, api: Api) -> InstanceId:
    """The instance whose app server calls.

    Raises NotFound, Incomplete, Unauthorized; RateLimited in place of these for an address that
    gets them too often, and for an instance that is proven to ask too often.
    """
    try:
        instance_id = await _proven_instance(request, api)
    except (NotFound, Incomplete, Unauthorized):
        api.rates.addresses.take(client_network(request))
        raise
    api.rates.instances.take(instance_id)
    return instance_id


async def is_still_proven(request: Request, api: Api) -> bool:
    """Whether the secret key that a request was let in with is good now, as far as can be seen."""
    try:
        await _proven_instance(request, api)
    except (NotFound, Unauthorized):
        return False
    except Unavailable:
        pass
    return True


def beams_token_of(request: Request) -> str:
    """The token that a device sends. Raises Unauthorized."""
    header = request.headers.get("authorization")
    if header is None:
        raise Unauthorized("The Beams token is missing: send it as Authorization: Bearer TOKEN")
    return _bearer(header)


async def secret_keys_of(api: Api, instance_id: InstanceId) -> Sequence[SecretKey]:
    """The instance's secret keys. Raises NotFound for an unknown instance."""
    seal = api.store.seal
    return await api.store.read(lambda tx: instances.keys_of(tx, seal, instance_id))


async def _proven_instance(request: Request, api: Api) -> InstanceId:
    instance_id = instance_id_of(request)
    keys = await secret_keys_of(api, instance_id)
    header = request.headers.get("authorization")
    if header is None:
        raise Incomplete("Authorization header missing: send Bearer and your secret key")
    if not _is_one_of(_bearer(header), keys):
        raise Unauthorized("Incorrect Secret Key")
    return instance_id


def _bearer(header: str) -> str:
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _is_one_of(text: str, keys: Sequence[SecretKey]) -> bool:
    given = text.encode()
    return any(hmac.compare_digest(given, key.value.encode()) for key in keys)
