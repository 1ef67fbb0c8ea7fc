"""The HTTP application: all doors for programs, behind CORS for browsers."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from heliograph.api import (
    customer,
    device,
    health,
    insights,
    interests,
    live,
    openapi,
    publish,
    published,
    reporting,
    timeline,
)
from heliograph.api.errors import http_error, known_error, unknown_error
from heliograph.api.limited import dropped_beyond_rate, refused_beyond_rate
from heliograph.api.prefix import under_prefix
from heliograph.api.state import Api
from heliograph.api.watched import counted, watched
from heliograph.model.errors import HeliographError

ENDPOINTS = (
    *counted(publish.endpoints),
    *customer.endpoints,
    *published.endpoints,
    *timeline.endpoints,
    *insights.endpoints,
    *live.endpoints,
    *refused_beyond_rate((*device.endpoints, *interests.endpoints)),
    *dropped_beyond_rate(reporting.endpoints),
    *health.endpoints,
    *openapi.endpoints,
)

_PREFLIGHT_IS_GOOD_FOR_S = 600


def build(api: Api) -> ASGIApp:
    """The application over the given parts, as it is served."""
    # CORS outermost, so that errors have its headers, too: a browser hides an answer without them.
    return CORSMiddleware(
        under_prefix(watched(application(api), api.watch), api.own_url),
        allow_origins=["*"],
        allow_methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"],
        allow_headers=["Content-Type", "Authorization"],
        max_age=_PREFLIGHT_IS_GOOD_FOR_S,
    )


def application(api: Api) -> Starlette:
    """All routes, and what errors become."""
    app = Starlette(
        routes=[endpoint.route for endpoint in ENDPOINTS],
        exception_handlers={
            HeliographError: known_error,
            HTTPException: http_error,
            Exception: unknown_error,
        },
    )
    app.router.redirect_slashes = False
    app.state.api = api
    app.state.openapi = openapi.document(ENDPOINTS, api.own_url)
    return app
