"""What an app's server and its devices say to a server: plain HTTP, and the APIs over it.

Paths and bodies travel as they are given: nothing is normalised, escaped or retried.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from ssl import SSLContext
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from tests.beams_token import beams_token, claims_of, hmac_signer
from tests.push_tokens import encoded, new_push_token

TIMEOUT_S = 30
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
HELLO: Mapping[str, object] = MappingProxyType(
    {"web": {"notification": {"title": "Hello", "body": "Hello, world!"}}}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """An HTTP client with a connection a request, to be shared between threads.

    tls: what it connects with to a server that speaks TLS.
    """

    def __init__(self, host: str, port: int, *, tls: SSLContext | None = None) -> None:
        self._host = host
        self._port = port
        self._tls = tls

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Reply:
        """Send a request. path: raw, with its query. body: sent in chunks if it isn't bytes."""
        connection = self._connection()
        sent = {"Content-Type": "application/json", **headers} if json is not None else headers
        try:
            connection.request(method, path, _dumped(json) if json is not None else body, sent)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return Reply(status=response.status, headers=received, body=response.read())
        finally:
            connection.close()

    @contextmanager
    def streaming(self, path: str, *, headers: Mapping[str, str]) -> Iterator[HTTPResponse]:
        """GET what is read as it comes, while the block lasts; the answer's head is there."""
        connection = self._connection()
        try:
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        return HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=self._tls)


class DeviceApi:
    """What devices say. They have no secret: the device id is enough."""

    def __init__(self, client: Client, instance_id: str) -> None:
        self._client = client
        self.base = f"/device_api/v1/instances/{instance_id}"

    def register_apns(self, token: str, bundle_identifier: str = "com.example.app") -> Reply:
        return self.register("apns", {"token": token, "bundleIdentifier": bundle_identifier})

    def register_fcm(self, token: str) -> Reply:
        return self.register("fcm", {"token": token, "knownPreviousClientIds": []})

    def register_web(self, subscription: Mapping[str, object]) -> Reply:
        """Register a browser. subscription: what PushSubscription.toJSON() returns."""
        return self.register("web", {"token": encoded(subscription)})

    def register(self, platform: str, body: Mapping[str, object]) -> Reply:
        return self._client.request("POST", f"{self.base}/devices/{platform}", json=body)

    def register_token(self, platform: str, token: str) -> Reply:
        """Register a push token as the official SDK of its platform does."""
        match platform:
            case "apns":
                return self.register_apns(token)
            case "fcm":
                return self.register_fcm(token)
            case _:
                return self.register("web", {"token": token, "metadata": {"sdkVersion": "2.1.0"}})

    def new(self, platform: str) -> str:
        """Register a device with a push token of its own, and return the device id."""
        reply = self.register_token(platform, new_push_token(platform))
        if reply.status != 200:
            raise RuntimeError(f"registration refused: {reply}")
        return str(reply.json()["id"])

    def path_of(self, device_id: str) -> str:
        platform = device_id.partition("-")[0]
        return f"{self.base}/devices/{platform}/{device_id}"

    def get(self, device_id: str) -> Reply:
        return self._client.request("GET", self.path_of(device_id))

    def delete(self, device_id: str) -> Reply:
        return self._client.request("DELETE", self.path_of(device_id))

    def put_metadata(self, device_id: str, metadata: Mapping[str, object]) -> Reply:
        return self._client.request("PUT", f"{self.path_of(device_id)}/metadata", json=metadata)

    def put_token(self, device_id: str, token: str) -> Reply:
        path = f"{self.path_of(device_id)}/token"
        return self._client.request("PUT", path, json={"token": token})

    def put_user(self, device_id: str, token: str) -> Reply:
        """Tie a device to a user. token: a Beams token."""
        headers = {"Authorization": f"Bearer {token}"}
        return self._client.request("PUT", f"{self.path_of(device_id)}/user", headers=headers)

    def get_interests(self, device_id: str, query: str = "") -> Reply:
        """Read a page of interests. query: with its question mark."""
        return self._client.request("GET", f"{self.path_of(device_id)}/interests{query}")

    def all_interests(self, device_id: str) -> list[str]:
        """Read the interests page by page until there is no cursor."""
        found: list[str] = []
        query = "?limit=100"
        while query:
            page = self.get_interests(device_id, query).json()
            found += page["interests"]
            cursor = page["responseMetadata"].get("nextCursor")
            query = f"?limit=100&cursor={cursor}" if cursor else ""
        return found

    def put_interests(self, device_id: str, interests: Sequence[str]) -> Reply:
        body = {"interests": list(interests)}
        return self._client.request("PUT", f"{self.path_of(device_id)}/interests", json=body)

    def post_interest(
        self, device_id: str, raw_name: str, *, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reply:
        """Subscribe to an interest. raw_name: as it stands in the path."""
        path = f"{self.path_of(device_id)}/interests/{raw_name}"
        return self._client.request("POST", path, headers=headers)

    def delete_interest(self, device_id: str, raw_name: str) -> Reply:
        path = f"{self.path_of(device_id)}/interests/{raw_name}"
        return self._client.request("DELETE", path)

    def get_vapid_public_key(self) -> Reply:
        return self._client.request("GET", f"{self.base}/web-vapid-public-key")


class PublishApi:
    """What an app's server says to notify."""

    def __init__(self, client: Client, instance_id: str, secret_key: str) -> None:
        self._client = client
        self.base = f"/publish_api/v1/instances/{instance_id}"
        self.authorization = {"Authorization": f"Bearer {secret_key}"}

    def to_users(self, users: object, payload: Mapping[str, object] = HELLO) -> Reply:
        return self.send("publishes/users", {"users": users, **payload})

    def to_interests(self, interests: object, payload: Mapping[str, object] = HELLO) -> Reply:
        return self.send("publishes/interests", {"interests": interests, **payload})

    def send(
        self, path: str, body: Mapping[str, object], *, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reply:
        sent = {**self.authorization, **headers}
        return self._client.request("POST", f"{self.base}/{path}", json=body, headers=sent)

    def send_bytes(
        self,
        path: str,
        body: bytes | Iterable[bytes],
        *,
        content_type: str = "application/json",
    ) -> Reply:
        headers = {**self.authorization, "Content-Type": content_type}
        return self._client.request("POST", f"{self.base}/{path}", body=body, headers=headers)


class CustomerApi:
    """What an app's server says of its users."""

    def __init__(self, client: Client, instance_id: str, secret_key: str) -> None:
        self._client = client
        self.base = f"/customer_api/v1/instances/{instance_id}"
        self.alias = f"/user_api/v1/instances/{instance_id}"
        self.authorization = {"Authorization": f"Bearer {secret_key}"}

    def delete_user(self, raw_user_id: str, *, library: str | None = None) -> Reply:
        """Delete a user. raw_user_id: as it stands in the path. library: of X-Pusher-Library."""
        named = {"X-Pusher-Library": library} if library else {}
        headers = {**self.authorization, **named}
        return self._client.request("DELETE", f"{self.base}/users/{raw_user_id}", headers=headers)

    def delete_user_by_alias(self, raw_user_id: str) -> Reply:
        path = f"{self.alias}/users/{raw_user_id}"
        return self._client.request("DELETE", path, headers=self.authorization)


class AdminApi:
    """What an app's server and operators ask of what became of publishes."""

    def __init__(self, client: Client, instance_id: str, secret_key: str) -> None:
        self._client = client
        self.base = f"/admin_api/v1/instances/{instance_id}"
        self.authorization = {"Authorization": f"Bearer {secret_key}"}

    def get(self, path: str, **query: object) -> Reply:
        """Read what is below the instance. path: raw."""
        asked = f"?{urlencode(query)}" if query else ""
        return self._client.request("GET", f"{self.base}{path}{asked}", headers=self.authorization)

    def publishes(self, **query: object) -> Reply:
        return self.get("/publishes", **query)

    def publish(self, publish_id: str) -> Reply:
        return self.get(f"/publishes/{publish_id}")

    def timeline(self, raw_user_id: str, **query: object) -> Reply:
        return self.get(f"/users/{raw_user_id}/timeline", **query)

    def users_of(self, publish_id: str, **query: object) -> Reply:
        return self.get(f"/publishes/{publish_id}/users", **query)


class ReportingApi:
    """What devices say of notifications that arrived or were tapped."""

    def __init__(self, client: Client, instance_id: str) -> None:
        self._client = client
        self.base = f"/reporting_api/v2/instances/{instance_id}"

    def report(self, event: Mapping[str, object]) -> Reply:
        return self._client.request("POST", f"{self.base}/events", json=event)


class Instance:
    """One app's isolated space on a server, and who speaks to it."""

    def __init__(self, client: Client, instance_id: str, secret_key: str) -> None:
        self.client = client
        self.id = instance_id
        self.secret_key = secret_key
        self.devices = DeviceApi(client, instance_id)
        self.publish = PublishApi(client, instance_id, secret_key)
        self.customer = CustomerApi(client, instance_id, secret_key)
        self.reporting = ReportingApi(client, instance_id)
        self.admin = AdminApi(client, instance_id, secret_key)

    def with_key(self, secret_key: str) -> "Instance":
        """Return the same instance as seen by who has another secret key."""
        return Instance(self.client, self.id, secret_key)

    def claims(self, user_id: str) -> dict[str, object]:
        return claims_of(user_id, self.id)

    def sign(self, claims: Mapping[str, object]) -> str:
        return beams_token(claims, hmac_signer(self.secret_key.encode()))

    def token(self, user_id: str) -> str:
        """Return the Beams token that the app's server would hand to the user's devices."""
        return self.sign(self.claims(user_id))

    def device_of(self, user_id: str, platform: str = "web") -> str:
        """Register a device, tie it to the user, and return the device id."""
        device_id = self.devices.new(platform)
        reply = self.devices.put_user(device_id, self.token(user_id))
        if reply.status != 200:
            raise RuntimeError(f"user refused: {reply}")
        return device_id


def _dumped(document: object) -> bytes:
    return json.dumps(document).encode()
