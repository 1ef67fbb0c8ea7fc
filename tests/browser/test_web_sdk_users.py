"""Users in the official web SDK, unmodified, in a real Firefox."""

from collections.abc import Iterator

import pytest

from tests.beams_token import beams_token, hmac_signer
from tests.browser.app import (
    NULL,
    OWN_SERVER,
    UNDEFINED,
    WEB_SDK,
    App,
    Script,
    comes,
    token_provider,
)
from tests.browser.site import Answer, Site
from tests.browsers import hello, new_name
from tests.processes import free_port
from tests.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD_USERS = ("alice@example.com/+?&=#% ..", "🎈" * 82, "żółć\n", "a" * 164)


@pytest.fixture
def other_site(server: Server) -> Iterator[Site]:
    """A server of the app's at another origin."""
    with Site(server.url, server.instance.token) as site:
        yield site


@WEB_SDK.does("error for another user before `stop()`")
async def test_a_device_has_one_user_until_it_is_stopped(app: App, server: Server) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    device_id = await app.log_in(alice)
    await app.set_user(alice)
    error = await app.refusal("setUserId", bob, OWN_SERVER)
    assert error == "Error: Changing the `userId` is not allowed."
    assert server.instance.devices.get(device_id).json()["userId"] == alice
    await app.call("stop")
    await app.log_in(bob)
    assert await app.call("getUserId") == bob


@WEB_SDK.does("user ids with blanks, slashes, emoji and the like")
async def test_a_user_may_be_called_anything(app: App, server: Server) -> None:
    for user in ODD_USERS:
        device_id = await app.log_in(user)
        assert await app.call("getUserId") == user
        assert server.instance.devices.get(device_id).json()["userId"] == user
        await app.call("stop")


@WEB_SDK.does("error for a user before `start()`")
async def test_a_user_is_a_text_and_comes_after_the_start(app: App) -> None:
    error = await app.refusal("setUserId", new_name("alice"), OWN_SERVER)
    assert error == "Error: .start must be called before .setUserId"
    await app.start()
    for user, shown in ((UNDEFINED, "undefined"), (NULL, "null"), (7, "7")):
        error = await app.refusal("setUserId", user, OWN_SERVER)
        assert error == f"Error: User ID must be a string (was {shown})"
    error = await app.refusal("setUserId", "", OWN_SERVER)
    assert error == "Error: User ID cannot be the empty string"
    assert app.site.token_requests == []
    assert await app.call("getUserId") is None


@WEB_SDK.does("`TokenProvider` with parameters, headers and credentials")
async def test_a_token_provider_asks_what_the_app_wants_it_to(app: App) -> None:
    user = new_name("alice")
    await app.start()
    await app.tab.evaluate("document.cookie = 'session=of-alice'")
    await app.call(
        "setUserId",
        user,
        token_provider(
            "{url: '/beams-auth', queryParams: {tenant: 'a&b', n: 7}, headers: {'X-App': 'yes'}}"
        ),
    )
    [request] = app.site.token_requests
    assert request.query == {"user_id": user, "tenant": "a&b", "n": "7"}
    assert request.headers["x-app"] == "yes"
    assert request.headers["cookie"] == "session=of-alice"
    await app.call("setUserId", user, token_provider("{url: '/beams-auth', credentials: 'omit'}"))
    assert "cookie" not in app.site.token_requests[-1].headers


@WEB_SDK.does("`TokenProvider` at another origin")
async def test_a_token_provider_may_ask_another_origin(app: App, other_site: Site) -> None:
    user = new_name("alice")
    await app.start()
    await app.tab.evaluate("document.cookie = 'session=of-alice'")
    options = f"url: '{other_site.url}/beams-auth', headers: {{'X-App': 'yes'}}"
    for credentials in ("same-origin", "include"):
        provider = token_provider(f"{{{options}, credentials: '{credentials}'}}")
        await app.call("setUserId", user, provider)
    first, second = other_site.token_requests
    assert first.headers["x-app"] == "yes"
    assert "cookie" not in first.headers
    assert second.headers["cookie"] == "session=of-alice"


@WEB_SDK.does("a token provider of one's own")
async def test_an_app_may_have_a_token_provider_of_its_own(app: App, server: Server) -> None:
    user = new_name("alice")
    device_id = await app.start()
    token = server.instance.token(user)
    await app.call("setUserId", user, Script(f"{{fetchToken: async () => ({{token: '{token}'}})}}"))
    assert server.instance.devices.get(device_id).json()["userId"] == user


@WEB_SDK.does("error for a token that does not come")
async def test_without_a_token_there_is_no_user(app: App, server: Server) -> None:
    user = new_name("alice")
    device_id = await app.start()
    answers = (
        (Answer(content="", status=403), "Unexpected status code 403: Cannot parse error response"),
        (
            Answer(content='{"error": "Who are you?"}', status=401),
            "Unexpected status code 401: Who are you?, No description",
        ),
        (Answer(content="{}"), "Unexpected status code 401: Unauthorized, "),
        (Answer(content="<p>Please log in", kind="text/html"), "TypeError: "),
    )
    for answer, error in answers:
        app.site.token_answer = answer
        assert error in await app.refusal("setUserId", user, OWN_SERVER)
    unreachable = token_provider(f"{{url: 'http://localhost:{free_port()}/'}}")
    assert "NetworkError" in await app.refusal("setUserId", user, unreachable)
    assert await app.call("getUserId") is None
    assert server.instance.devices.get(device_id).json()["userId"] == ""


@WEB_SDK.does("error for a refused token")
async def test_the_page_can_read_why_a_token_was_refused(app: App, server: Server) -> None:
    """Errors have CORS headers, too; without them the SDK would know of a failed fetch only."""
    instance, user = server.instance, new_name("alice")
    await app.start()
    claims = instance.claims(user)
    forged = beams_token(claims, hmac_signer(b"x" * 64))
    expired = instance.sign({**claims, "exp": 1_000_000_000})
    foreign = instance.sign({**claims, "iss": "https://other.pushnotifications.pusher.com"})
    long = instance.token("a" * 165)
    for token, status, words in (
        (forged, 401, "signature"),
        (expired, 401, "expired"),
        (foreign, 403, "issuer"),
        (long, 400, "164"),
    ):
        app.site.token_answer = Answer(content=f'{{"token": "{token}"}}')
        error = await app.refusal("setUserId", user, OWN_SERVER)
        assert error.startswith(f"Error: Unexpected status code {status}: ")
        assert words in error
        assert await app.call("getUserId") is None
    app.site.token_answer = None
    await app.set_user(user)
    assert await app.call("getUserId") == user


@WEB_SDK.does("error for the 101st browser of a user")
async def test_the_page_can_read_that_a_user_has_too_many_devices(app: App, server: Server) -> None:
    user = new_name("alice")
    for _ in range(100):
        server.instance.device_of(user)
    device_id = await app.start()
    assert await app.refusal("setUserId", user, OWN_SERVER) == (
        "Error: Unexpected status code 422: "
        "Unprocessable Entity, User has reached the maximum of 100 devices"
    )
    assert await app.call("getUserId") is None
    assert server.instance.devices.get(device_id).json()["userId"] == ""


@WEB_SDK.does(
    "a user deleted on the server",
    result="its calls fail with 404 until `clearAllState()`, or `stop()` and `start()`",
)
async def test_a_deleted_users_browser_starts_anew(app: App, server: Server) -> None:
    """The SDK never registers again by itself: it throws until the app stops and starts it."""
    user = new_name("alice")
    device_id = await app.log_in(user)
    assert server.instance.customer.delete_user(user).status == 200
    gone = "Error: Unexpected status code 404: Not found, Device not found"
    for method, arguments in (
        ("addDeviceInterest", ["news"]),
        ("removeDeviceInterest", ["news"]),
        ("getDeviceInterests", []),
        ("setDeviceInterests", [["news"]]),
        ("clearDeviceInterests", []),
        ("setUserId", [user, OWN_SERVER]),
    ):
        assert await app.refusal(method, *arguments) == gone
    # Starting changes nothing: the SDK takes itself for started.
    assert await app.start() == device_id
    await app.call("clearAllState")
    assert await app.call("getUserId") is None
    await app.log_in(user)
    server.instance.publish.to_users([user], hello("again"))
    assert await comes(app.titles) == ["again"]
