"""The OpenAPI document and the server say the same: not a route, status or rule more or less."""

import re
from collections.abc import Mapping
from http import HTTPMethod
from importlib.metadata import version
from typing import Any, cast
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import CheckFunction, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from heliograph.api.app import ENDPOINTS, application
from heliograph.api.state import Api
from tests.client import Instance
from tests.contract.answers import OK, assert_refused, document
from tests.server import Server
from tests.waiting import eventually

ANY_ORIGIN = {"Origin": "https://docs.example.com"}


@pytest.fixture(scope="session")
def openapi(server: Server) -> dict[str, Any]:
    return dict(document(server.client.request("GET", "/openapi.json")))


@pytest.fixture(scope="session")
def calls(server: Server) -> OpenApiSchema:
    """What can be called, as schemathesis reads it from the running server."""
    config = schemathesis.Config.from_dict({"base-url": server.url})
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)


def test_the_document_is_openapi_of_this_version(
    openapi: dict[str, Any], server: Server, calls: OpenApiSchema
) -> None:
    assert openapi["openapi"] == "3.1.1"
    assert openapi["info"]["version"] == version("heliograph")
    assert openapi["servers"] == [{"url": server.url}]
    calls.validate()
    for schema in openapi["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_a_page_of_any_origin_reads_the_document(server: Server) -> None:
    reply = server.client.request("GET", "/openapi.json", headers=ANY_ORIGIN)
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["content-type"] == "application/json"


def documented(openapi: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (method.upper(), path) for path, methods in openapi["paths"].items() for method in methods
    }


def test_every_route_is_in_the_document_and_nothing_else(openapi: dict[str, Any]) -> None:
    nothing = cast("Any", None)
    parts = Api(
        store=nothing,
        streams=nothing,
        accept=nothing,
        check_workers=nothing,
        recall=nothing,
        reported=nothing,
        tell=nothing,
        live=nothing,
        rates=nothing,
        own_url="http://localhost",
        trusted_proxies=(),
        now=nothing,
    )
    routes = {
        (method, cast("Any", route).path_format)
        for route in application(parts).routes
        for method in cast("Any", route).methods - {"HEAD"}
    }
    assert documented(openapi) == routes


def test_a_method_that_is_not_in_the_document_is_refused(
    openapi: dict[str, Any], instance: Instance
) -> None:
    named = {"instance": instance.id, "platform": "web", "device": "web-1", "event": "Open"}
    named["publish"] = "pubid-1"
    for path in openapi["paths"]:
        concrete = path.format(**named, interest="news", user="alice")
        for method in HTTPMethod:
            known = {name for name, other in documented(openapi) if other == path}
            if method in known or method in {"HEAD", "OPTIONS", "CONNECT", "TRACE"}:
                continue
            assert_refused(instance.client.request(method, concrete), 405)


def test_each_operation_says_what_it_does(openapi: dict[str, Any]) -> None:
    operations = [one for methods in openapi["paths"].values() for one in methods.values()]
    names = [one["operationId"] for one in operations if "operationId" in one]
    assert len(names) == len(set(names))
    for one in operations:
        assert one["summary"].endswith(".")
        assert "\n" not in one["summary"]


#: Each once: by an older or shorter path the same is answered. But for those whose answer has no
#: end: see test_live.py.
OPERATIONS = sorted(
    {
        endpoint.answer: (endpoint.method, endpoint.route.path_format)
        for endpoint in reversed(ENDPOINTS)
        if endpoint.operation.streams is None
    }.values()
)
#: Nothing can be wrong with a request there.
TAKES_NOTHING = {
    "/device_api/v1/instances/{instance}/web-vapid-public-key",
    "/health",
    "/ready",
    "/openapi.json",
}
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
some = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@some
@given(data=st.data())
def test_the_server_answers_as_the_document_says(
    calls: OpenApiSchema, instance: Instance, method: str, path: str, data: st.DataObject
) -> None:
    operation = calls[path][method]
    right = {"instance": instance.id} if "{instance}" in path else None
    modes = [GenerationMode.POSITIVE] if path in TAKES_NOTHING else list(GenerationMode)
    mode = data.draw(st.sampled_from(modes))
    case = data.draw(operation.as_strategy(mode, path_parameters=right))
    case.call_and_validate(headers=instance.publish.authorization, checks=CHECKS)


WRONG: Mapping[str, tuple[Mapping[str, str], Mapping[str, str], bytes | None]] = {
    "no authorization": ({}, {"Content-Type": "application/json"}, b"{}"),
    "a wrong key": ({}, {"Authorization": "Bearer wrong"}, None),
    "an unknown instance": ({"instance": str(uuid4())}, {}, None),
    "no instance": ({"instance": "nonsense"}, {}, None),
    "an unknown device": ({"device": f"web-{uuid4()}"}, {}, None),
    "no device": ({"device": "nonsense"}, {}, None),
    "no interest": ({"interest": "a:b"}, {}, None),
    "no user": ({"user": ""}, {}, None),
    "an unknown publish": ({"publish": f"pubid-{uuid4()}"}, {}, None),
    "no publish": ({"publish": "%00"}, {}, None),
    "too long a user id": ({"user": "x" * 165}, {}, None),
    "no JSON": ({}, {}, b"{"),
    "another type": ({}, {"Content-Type": "text/plain"}, b"{}"),
    "an empty object": ({}, {}, b"{}"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_every_refusal_is_in_the_document(
    openapi: dict[str, Any], instance: Instance, known: dict[str, str], wrong: str
) -> None:
    changes, headers, body = WRONG[wrong]
    named = {**known, "interest": "news", "user": "alice", "event": "Open", **changes}
    right = {} if wrong == "no authorization" else instance.publish.authorization
    sent = {"Content-Type": "application/json", **right, **headers}
    for method, path in OPERATIONS:
        reply = instance.client.request(method, path.format(**named), body=body, headers=sent)
        assert str(reply.status) in openapi["paths"][path][method.lower()]["responses"], path


#: Words of refusals of what the document allows: rules that no schema can say.
BEYOND_A_SCHEMA: Mapping[str, str] = {
    "publishes": r"`fcm|`Idempotency-Key|too large|cursor must be|(since|until) must be",
    "interests": r"cursor must be|`fcm|`Idempotency-Key|too large",
    "users": r"`fcm|`Idempotency-Key|too large|cursor must be",
    "timeline": r"Publish not found",
    "apns": r"device token is not valid",
    "web": r"must be the base64 of a Web Push subscription",
    "events": r"`event`|`timestampSecs`|`deviceId`",
    "{event}": r"`timestampSecs`|`deviceId`",
    "insights": r"since must be|until must be",
}


@pytest.fixture
def known(instance: Instance) -> dict[str, str]:
    """An instance, a device and a publish that there are, as a path names them."""
    publish_id = instance.publish.to_users(["nobody"]).json()["publishId"]
    eventually(lambda: instance.admin.publish(publish_id).status == OK)
    return {
        "instance": instance.id,
        "platform": "fcm",
        "device": instance.devices.new("fcm"),
        "publish": publish_id,
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@some
@given(data=st.data())
def test_what_the_document_allows_is_accepted(
    calls: OpenApiSchema,
    instance: Instance,
    known: dict[str, str],
    method: str,
    path: str,
    data: st.DataObject,
) -> None:
    right = {name: value for name, value in known.items() if f"{{{name}}}" in path}
    case = data.draw(calls[path][method].as_strategy(path_parameters=right or None))
    is_users = path.endswith("/user")
    token = instance.token("alice") if is_users else instance.secret_key
    response = case.call(headers={"Authorization": f"Bearer {token}"})
    if response.status_code != OK:
        beyond = BEYOND_A_SCHEMA.get(path.rpartition("/")[2], "nothing")
        assert re.search(beyond, response.json()["description"]), response.text
