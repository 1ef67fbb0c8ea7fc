"""Push tokens as the platforms hand them out, none of which any gateway knows."""

import base64
import json
import secrets
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PLATFORMS = ("apns", "fcm", "web")


def new_push_token(platform: str) -> str:
    """Return a push token that no device has yet, in the form that a registration carries."""
    match platform:
        case "apns":
            return secrets.token_hex(32)
        case "fcm":
            return f"{secrets.token_urlsafe(16)}:{secrets.token_urlsafe(100)}"
        case _:
            return encoded(new_web_subscription())


def new_web_subscription() -> dict[str, object]:
    """Return what PushSubscription.toJSON() returns in a browser, of a push service that isn't."""
    pair = ec.generate_private_key(ec.SECP256R1())
    point = pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": base64url(point), "auth": base64url(secrets.token_bytes(16))}
    endpoint = f"https://localhost:1/push/{secrets.token_urlsafe(32)}"
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys}


def encoded(subscription: Mapping[str, object]) -> str:
    """Return the push token of a web device: the subscription's JSON in plain base64."""
    return base64.b64encode(json.dumps(subscription, separators=(",", ":")).encode()).decode()


def base64url(content: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
