"""The app's own server in the demo: logs users in, signs Beams tokens, publishes to users.

It holds the secret key; the page never sees it. The five steps of Authenticated Users:
1 `log_in`, 2 `beams_token`, 4 `notify` are here, 3 and 5 are in page/demo.js.
"""

import argparse
import http.client
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import jwt
import sessions
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

USERS = ("alice", "bob", "carol")
TOKEN_LIFETIME = timedelta(hours=24)
PUBLISH_TIMEOUT_S = 10
HERE = Path(__file__).parent

#: All that browsers may fetch as it is.
FILES: Mapping[str, Path] = {
    "/": HERE / "page" / "index.html",
    "/demo.css": HERE / "page" / "demo.css",
    "/demo.js": HERE / "page" / "demo.js",
    "/faults.js": HERE / "page" / "faults.js",
    "/view.js": HERE / "page" / "view.js",
    "/icon.svg": HERE / "page" / "icon.svg",
    "/service-worker.js": HERE / "page" / "service-worker.js",
    "/vendor/push-notifications-cdn.js": HERE / "vendor" / "push-notifications-cdn.js",
    "/vendor/service-worker.js": HERE / "vendor" / "service-worker.js",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The app's account at Heliograph."""

    heliograph_url: str
    instance_id: str
    secret_key: str = field(repr=False)


def build(account: Account) -> Starlette:
    """Return the app."""
    app = Starlette(
        routes=[
            Route("/session", session, methods=["GET"]),
            Route("/log-in", log_in, methods=["POST"]),
            Route("/log-out", log_out, methods=["POST"]),
            Route("/beams-auth", beams_auth, methods=["GET"]),
            Route("/notify", notify, methods=["POST"]),
            Route("/configuration.js", configuration, methods=["GET"]),
            *(Route(path, file, methods=["GET"]) for path in FILES),
        ],
        # Without passwords, the name under which we are called is all that keeps other sites out.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1"])],
        exception_handlers={HTTPException: refuse},
    )
    app.state.account = account
    return app


# Step 1: the user logs in.


async def log_in(request: Request) -> Response:
    """Open a session for one of the users. A real app asks for a password first."""
    user = known_user(await read_json(request, "user"))
    response = JSONResponse({"user": user})
    sessions.open_session(response, user, session_key_of(request))
    return response


async def log_out(request: Request) -> Response:
    """End the session. The page has called the SDK's stop() before: step 5."""
    await read_json(request)
    response = JSONResponse({"user": None})
    sessions.close_session(response)
    return response


async def session(request: Request) -> Response:
    """Tell the page who is logged in."""
    return JSONResponse({"user": sessions.user_of(request, session_key_of(request))})


# Step 2: the SDK in the page asks for a Beams token.


async def beams_auth(request: Request) -> Response:
    """Give a Beams token for the user who is logged in, and for no one else."""
    user = logged_in(request)
    wanted = request.query_params.get("user_id")
    if wanted != user:
        reason = f"You are {user}: there is no token of {wanted or 'nobody'} for you."
        raise HTTPException(HTTPStatus.FORBIDDEN, reason)
    token = beams_token(user, account_of(request))
    return JSONResponse({"token": token}, headers={"Cache-Control": "no-store"})


def beams_token(user: str, account: Account) -> str:
    """Sign "the holder is this user" with the secret key. The server SDKs' generateToken."""
    claims = {
        "sub": user,
        "iss": f"https://{account.instance_id}.pushnotifications.pusher.com",
        "exp": datetime.now(UTC) + TOKEN_LIFETIME,
    }
    return jwt.encode(claims, account.secret_key, "HS256")


# Step 4: publish to a user id. Who has which device is Heliograph's business.


async def notify(request: Request) -> Response:
    """Publish what the user wrote to another user, or to themselves."""
    sender = logged_in(request)
    wish = await read_json(request, "user", "title", "body")
    publish = {
        "users": [known_user(wish)],
        "web": {
            "notification": {
                "title": wish["title"],
                "body": wish["body"],
                "deep_link": str(request.base_url),
            },
            "data": {"from": sender},
        },
    }
    publish_id = await run_in_threadpool(publish_to_users, publish, account_of(request))
    return JSONResponse({"publishId": publish_id})


def publish_to_users(publish: Mapping[str, Any], account: Account) -> str:
    """Hand a publish to Heliograph and return its id. Raises: HTTPException in words for people."""
    url = f"{account.heliograph_url}/publish_api/v1/instances/{account.instance_id}/publishes/users"
    headers = {
        "Authorization": f"Bearer {account.secret_key}",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(url, json.dumps(publish).encode(), headers)  # noqa: S310
    # Heliograph is on this machine: a proxy of the environment could not reach it.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=PUBLISH_TIMEOUT_S) as response:
            return str(json.load(response)["publishId"])
    except HTTPError as error:
        reason = f"Heliograph refused it: {error.code} {reason_of(error)}"
        raise HTTPException(HTTPStatus.BAD_GATEWAY, reason) from error
    except (OSError, http.client.HTTPException) as error:
        reason = f"Heliograph at {account.heliograph_url} doesn't answer. Is it running?"
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, reason) from error
    except (ValueError, LookupError, TypeError) as error:
        reason = f"What answers at {account.heliograph_url} is not Heliograph."
        raise HTTPException(HTTPStatus.BAD_GATEWAY, reason) from error


def reason_of(error: HTTPError) -> str:
    try:
        answer = json.load(error)
        return f"{answer['error']}: {answer['description']}"
    except (OSError, ValueError, LookupError, TypeError):
        return str(error.reason)


# What the page needs to know and to load.


async def configuration(request: Request) -> Response:
    """Tell page and service worker where Heliograph is. None of this is secret."""
    account = account_of(request)
    public = {
        "heliographUrl": account.heliograph_url,
        "instanceId": account.instance_id,
        "users": USERS,
    }
    script = f"self.demoConfiguration = {json.dumps(public)};\n"
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def file(request: Request) -> Response:
    policy = f"default-src 'self'; connect-src 'self' {account_of(request).heliograph_url}"
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'",
    }
    return FileResponse(FILES[request.url.path], headers=headers)


# What a request is about.


def account_of(request: Request) -> Account:
    account = request.app.state.account
    assert isinstance(account, Account)  # noqa: S101
    return account


def session_key_of(request: Request) -> bytes:
    return sessions.key_from(account_of(request).secret_key)


def logged_in(request: Request) -> str:
    user = sessions.user_of(request, session_key_of(request))
    if user is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "Nobody is logged in: log in first.")
    return user


async def read_json(request: Request, *names: str) -> dict[str, str]:
    """Read the named texts from the body.

    Only JSON: other sites can't make browsers send that type here without asking first (CORS).
    """
    if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Only application/json is taken.")
    try:
        body = await request.json()
        values = {name: body[name] for name in names}
    except (ValueError, LookupError, TypeError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"Needed: {', '.join(names)}.") from error
    if not all(isinstance(value, str) for value in values.values()):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{', '.join(names)} must be texts.")
    return values


def known_user(wish: Mapping[str, str]) -> str:
    if wish["user"] not in USERS:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"The users are {', '.join(USERS)}.")
    return wish["user"]


async def refuse(_request: Request, error: Exception) -> Response:
    """Answer in the shape that the SDK reads, too."""
    assert isinstance(error, HTTPException)  # noqa: S101
    title = HTTPStatus(error.status_code).phrase
    return JSONResponse(
        {"error": title, "description": error.detail}, error.status_code, error.headers
    )


# The command.


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo app of Heliograph.")
    parser.add_argument("--heliograph-url", default="http://127.0.0.1:8400", metavar="URL")
    parser.add_argument(
        "--credentials", type=Path, default=Path("data/credentials.json"), metavar="FILE"
    )
    parser.add_argument("--port", type=int, default=8401)
    arguments = parser.parse_args()
    credentials = json.loads(arguments.credentials.read_text(encoding="utf-8"))
    account = Account(
        heliograph_url=arguments.heliograph_url.rstrip("/"),
        instance_id=credentials["instanceId"],
        secret_key=credentials["secretKey"],
    )
    uvicorn.run(build(account), host="127.0.0.1", port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
