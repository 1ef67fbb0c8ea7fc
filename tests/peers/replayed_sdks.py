"""Official server SDKs that can't be run here: what they send and how they read the answer.

Read off their sources: Go 1.1.1 (push_notifications.go), PHP 2.0.0 (PushNotifications.php), Ruby
2.0.3 (client.rb, token.rb), Swift 2.0.0 (NetworkService.swift, PushNotifications.swift).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from tests.beams_token import beams_token, hmac_signer
from tests.client import Instance, Reply
from tests.peers.server_sdks import Call, Outcome, Refusal, SdkError

JSON_HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
UNREADABLE = "An unexpected server error has occurred"

Reader = Callable[[str, Reply], Outcome]
"""Reads the answer to a method as the SDK does. Raises what the SDK dies of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedSdk:
    """An SDK's requests, sent from here.

    library: its X-Pusher-Library. interests_path: below the instance. delete_headers: beside that
    and the authorization. written: its JSON. user_in_path: its escapes. token_header, issuer: of
    its Beams tokens. read: how it reads an answer. error: what it makes of a refusal.
    """

    title: str
    version: str
    library: str
    interests_path: str
    delete_headers: Mapping[str, str]
    written: Callable[[object], bytes]
    user_in_path: Callable[[str], str]
    token_header: Mapping[str, object]
    issuer: str
    bad_interest: str | None
    longest_user_id: str
    read: Reader
    error: Callable[[str, Refusal], SdkError]

    def run(
        self, instance: Instance, calls: Sequence[Call], *, timezone: str = "UTC"
    ) -> list[Outcome]:
        """Send what the SDK would. timezone: none of these minds."""
        return [self._made(instance, *call) for call in calls]

    def _made(self, instance: Instance, method: object, *arguments: Any) -> Outcome:
        match method:
            case "publishToInterests":
                interests, payload = arguments
                body = {**payload, "interests": interests}
                return self.publish(instance, self.interests_path, body)
            case "publishToUsers":
                users, payload = arguments
                return self.publish(instance, "publishes/users", {**payload, "users": users})
            case "generateToken":
                claims = {**instance.claims(*arguments), "iss": self.issuer.format(instance.id)}
                signer = hmac_signer(instance.secret_key.encode())
                return Outcome(value={"token": beams_token(claims, signer, self.token_header)})
            case _:
                return self._delete(instance, *arguments)

    def publish(self, instance: Instance, path: str, body: Mapping[str, object]) -> Outcome:
        headers = {
            **instance.publish.authorization,
            "X-Pusher-Library": self.library,
            "Content-Type": "application/json",
        }
        url = f"{instance.publish.base}/{path}"
        reply = instance.client.request("POST", url, body=self.written(body), headers=headers)
        return self.read("publish", reply)

    def _delete(self, instance: Instance, user: str) -> Outcome:
        headers = {
            **instance.customer.authorization,
            "X-Pusher-Library": self.library,
            **self.delete_headers,
        }
        url = f"{instance.customer.base}/users/{self.user_in_path(user)}"
        return self.read("deleteUser", instance.client.request("DELETE", url, headers=headers))


def _compact(body: object) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _go_json(body: object) -> bytes:
    """Go escapes what HTML would mind."""
    text = _compact(body)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def _php_json(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def _ruby_json(body: object) -> bytes:
    return _compact(body).encode()


def _swift_json(body: object) -> bytes:
    return _compact(body).replace("/", "\\/").encode()


def _read_by_go(method: str, reply: Reply) -> Outcome:
    if reply.status != 200:
        answer = reply.json()
        refusal = Refusal(reply.status, answer["error"], answer["description"])
        return Outcome(error=_go_error(method, refusal))
    return Outcome() if method == "deleteUser" else Outcome(value=reply.json())


def _go_error(method: str, refusal: Refusal) -> SdkError:
    doing = "delete user" if method == "deleteUser" else "publish notification"
    return SdkError("error", f"Failed to {doing}: {refusal.title}: {refusal.description}")


def _read_by_php(method: str, reply: Reply) -> Outcome:
    parsed = json.loads(reply.body) if reply.body else None
    if reply.status >= 400:
        if not parsed or "error" not in parsed or "description" not in parsed:
            return Outcome(error=SdkError("Exception", UNREADABLE))
        refusal = Refusal(reply.status, parsed["error"], parsed["description"])
        return Outcome(error=_php_error(method, refusal))
    if method != "deleteUser" and not parsed:
        return Outcome(error=SdkError("Exception", UNREADABLE))
    return Outcome(value=parsed)


def _php_error(_method: str, refusal: Refusal) -> SdkError:
    return SdkError("Exception", f"{refusal.title}: {refusal.description}")


def _read_by_ruby(method: str, reply: Reply) -> Outcome:
    """It raises nothing: the app asks the response whether it is ok."""
    if method == "deleteUser":
        return Outcome() if reply.status == 200 else Outcome(error=_not_ok(reply.status, None))
    content = reply.json()
    return (
        Outcome(value=content)
        if reply.status == 200
        else Outcome(error=_not_ok(reply.status, content))
    )


def _ruby_error(method: str, refusal: Refusal) -> SdkError:
    content = {"error": refusal.title, "description": refusal.description}
    return _not_ok(refusal.status, None if method == "deleteUser" else content)


def _not_ok(status: int, content: object) -> SdkError:
    return SdkError("Response", f"{status} {content}")


def _read_by_swift(method: str, reply: Reply) -> Outcome:
    if not 200 <= reply.status < 300:
        return Outcome(error=_swift_error(method, Refusal(reply.status, "", "")))
    return Outcome() if method == "deleteUser" else Outcome(value=reply.json())


def _swift_error(_method: str, refusal: Refusal) -> SdkError:
    text = f"[PushNotifications] - Request failed. HTTP status code: {refusal.status}"
    return SdkError("PushNotificationsError.error", text)


GO = ReplayedSdk(
    title="Go server SDK (its requests replayed)",
    version="1.1.1",
    library="pusher-push-notifications-go 1.1.1",
    interests_path="publishes",
    delete_headers={"Content-Type": "application/json"},
    written=_go_json,
    user_in_path=lambda user: quote(user, safe="$&+:=@"),
    token_header={"alg": "HS256", "typ": "JWT"},
    issuer="https://{}.pushnotifications.pusher.com",
    bad_interest=None,
    longest_user_id="🔆" * 41,
    read=_read_by_go,
    error=_go_error,
)
PHP = ReplayedSdk(
    title="PHP server SDK (its requests replayed)",
    version="2.0.0",
    library="pusher-push-notifications-php 2.0.0",
    interests_path="publishes/interests",
    delete_headers={},
    written=_php_json,
    user_in_path=lambda user: quote_plus(user).replace("~", "%7E"),
    token_header={"typ": "JWT", "alg": "HS256"},
    issuer="https://{}.pushnotifications.pusher.com",
    bad_interest=None,
    longest_user_id="🔆" * 41,
    read=_read_by_php,
    error=_php_error,
)
RUBY = ReplayedSdk(
    title="Ruby server SDK (its requests replayed)",
    version="2.0.3",
    library="pusher-push-notifications-ruby 2.0.3",
    interests_path="publishes",
    delete_headers=JSON_HEADERS,
    written=_ruby_json,
    user_in_path=quote_plus,
    token_header={"alg": "HS256"},
    issuer="https://{}.pushnotifications.pusher.com",
    bad_interest="a:b",
    longest_user_id="🔆" * 164,
    read=_read_by_ruby,
    error=_ruby_error,
)
SWIFT = ReplayedSdk(
    title="Swift server SDK (its requests replayed)",
    version="2.0.0",
    # Its own version constant was forgotten at the release.
    library="push-notifications-server-swift 1.0.3",
    interests_path="publishes",
    delete_headers=JSON_HEADERS,
    written=_swift_json,
    user_in_path=lambda user: quote(user, safe="/!$&'()*+,=:@"),
    token_header={"alg": "HS256", "typ": "JWT"},
    issuer="{}.pushnotifications.pusher.com",
    bad_interest="a:b",
    longest_user_id="🔆" * 164,
    read=_read_by_swift,
    error=_swift_error,
)
