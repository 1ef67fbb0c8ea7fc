"""Which answers end a request of the Android SDK; after any other it is sent again.

A judge raises WouldLoop or WouldCrash where that is what the SDK makes of the answer.
"""

from tests.client import Reply
from tests.peers.phone_wire import (
    WouldCrash,
    WouldLoop,
    is_success,
    registration_in,
    said_in_error,
)


def ends_job(reply: Reply) -> bool:
    return is_success(reply) or reply.status in {400, 404}


def ends_set_user(reply: Reply) -> bool:
    return is_success(reply) or reply.status in {400, 401, 403, 404, 422}


def ends_start(reply: Reply) -> bool:
    """A device was made. Whatever else is said, the SDK asks again."""
    if said_in_error(reply, "error") == "InvalidToken":
        raise WouldLoop("it asks Firebase for a token and starts again, at once and for ever")
    registration = registration_in(reply)
    return registration is not None and registration[1] is not None


def ends_start_anew(reply: Reply) -> bool:
    if reply.status == 400 or said_in_error(reply, "error") == "InvalidToken":
        raise WouldCrash(f"{reply} to a device that is made anew is not caught")
    return ends_start(reply)


def ends_put_of_all(reply: Reply) -> bool:
    if reply.status in {400, 404}:
        raise WouldCrash(f"{reply} to the interests of a new device is not caught")
    return is_success(reply)
