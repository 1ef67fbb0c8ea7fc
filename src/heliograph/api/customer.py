"""The customer API: what app servers call about their users."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.auth import require_secret_key
from heliograph.api.named_user import user_id_of
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.paths import rest
from heliograph.api.state import api_of
from heliograph.model.live import UserDeleted
from heliograph.model.recall import Recalled
from heliograph.model.schema import Text
from heliograph.store import devices


async def delete_user(request: Request) -> Response:
    """Forget the user and all its devices, at once. Also for one that is unknown.

    Once this has returned, nothing more arrives there, also of what is on its way.
    """
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    user_id = user_id_of(request)
    remove = partial(devices.remove_of_user, instance_id=instance_id, user_id=user_id)
    removed = await api.store.write(partial(remove, now=api.now()))
    api.tell(instance_id, lambda: [UserDeleted(user_id=user_id, devices=removed)])
    await api.recall(Recalled(instance_id=instance_id, user_id=user_id))
    return Response()


_DELETE = Operation(
    headers={
        "X-Pusher-Library": Text(
            about="The SDK. A plus in the path is a space for those of Ruby, Java and PHP.",
            example="pusher-push-notifications-node 1.2.7",
        )
    },
    refuses=(400, 401, 404, 429, 503),
    proof=Proof.SECRET_KEY,
)
_USER = "/v1/instances/{instance}/users/" + rest("user")

endpoints = [
    Endpoint("DELETE", "/customer_api" + _USER, delete_user, _DELETE),
    # One official SDK still uses this older name.
    Endpoint("DELETE", "/user_api" + _USER, delete_user, _DELETE),
]
