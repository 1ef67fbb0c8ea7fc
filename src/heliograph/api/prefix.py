"""Paths behind a reverse proxy: what is under the path of this server's URL is what is at the root.

A proxy may pass a path on as it came, or without its prefix; both are answered. Better as it came:
one that rewrites paths decodes them, too, and an encoded slash in a user id is then lost.
"""

from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


def under_prefix(app: ASGIApp, own_url: str) -> ASGIApp:
    """The application, also under the path of `own_url`, if that has one."""
    prefix = urlsplit(own_url).path.rstrip("/")
    if not prefix:
        return app
    raw_prefix, length = prefix.encode(), len(unquote(prefix))

    async def without_prefix(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["raw_path"].startswith(raw_prefix + b"/"):
            raw_path = scope["raw_path"].removeprefix(raw_prefix)
            scope = {**scope, "path": scope["path"][length:], "raw_path": raw_path}
        await app(scope, receive, send)

    return without_prefix
