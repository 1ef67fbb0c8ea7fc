"""The OpenAPI document: what the endpoints declare of themselves, and nothing besides.

OpenAPI Specification 3.1.1. Its schemas are JSON Schema, draft 2020-12.
"""

import inspect
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heliograph.api.body import Body
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.model.device import Platform
from heliograph.model.event import EventKind
from heliograph.model.ids import DEVICE_ID, INTEREST, USER_ID
from heliograph.model.schema import Integer, Object, OneOf, Schema, Text

_Part = dict[str, Any]


async def openapi(request: Request) -> Response:
    """The description of all that is here, in OpenAPI."""
    return JSONResponse(request.app.state.openapi)


endpoints = [Endpoint("GET", "/openapi.json", openapi, Operation(answers=Object()))]


def document(every: Iterable[Endpoint], own_url: str) -> _Part:
    """The document of these endpoints, at this base URL."""
    paths: dict[str, _Part] = {}
    names: set[str] = set()
    bodies: dict[str, _Part] = {}
    for endpoint in every:
        template = endpoint.route.path_format
        described = _operation(endpoint)
        # The same thing by an older path has no name of its own.
        if (name := _name_of(endpoint)) not in names:
            described = {"operationId": name, **described}
            names.add(name)
        paths.setdefault(template, {})[endpoint.method.lower()] = described
        if (body := endpoint.operation.takes) is not None:
            bodies[body.name] = body.schema.document()
    return {
        "openapi": "3.1.1",
        "info": _info(),
        "servers": [{"url": own_url}],
        "paths": paths,
        "components": {
            "schemas": {**bodies, "Error": _ERROR.document()},
            "responses": _responses(),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _info() -> _Part:
    package = metadata.metadata("heliograph")
    return {
        "title": "Heliograph",
        "summary": package["Summary"],
        "version": package["Version"],
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    }


def _operation(endpoint: Endpoint) -> _Part:
    declared = endpoint.operation
    said: Mapping[str, object] = {
        "tags": [endpoint.answer.__module__.rpartition(".")[2]],
        **_spoken(endpoint),
        "parameters": [*_path_parameters(endpoint), *_other_parameters(declared)],
        "requestBody": None if declared.takes is None else _request_body(declared.takes),
        "responses": _answers(declared),
        "security": [] if declared.proof is None else [{declared.proof: []}],
    }
    return {key: value for key, value in said.items() if value is not None}


def _name_of(endpoint: Endpoint) -> str:
    first, *others = endpoint.answer.__name__.split("_")
    return first + "".join(word.capitalize() for word in others)


def _spoken(endpoint: Endpoint) -> _Part:
    summary, _, description = (inspect.getdoc(endpoint.answer) or "").partition("\n\n")
    return {"summary": summary, **({"description": description} if description else {})}


_PATH_PARAMETERS: Mapping[str, Schema] = {
    "instance": Text(format="uuid", about="The instance id, in any case."),
    "platform": OneOf(values=tuple(Platform)),
    "device": Text(pattern=DEVICE_ID, about="The device id."),
    "interest": INTEREST,
    "user": USER_ID,
    "publish": Text(min_length=1, example="pubid-…", about="The publish id."),
    "event": OneOf(values=tuple(kind.capitalize() for kind in EventKind)),
}


def _path_parameters(endpoint: Endpoint) -> list[_Part]:
    names = endpoint.route.param_convertors
    return [_parameter("path", name, _PATH_PARAMETERS[name], required=True) for name in names]


def _other_parameters(declared: Operation) -> list[_Part]:
    places = (("query", declared.query), ("header", declared.headers))
    return [
        _parameter(place, name, schema, required=False)
        for place, schemas in places
        for name, schema in schemas.items()
    ]


def _parameter(place: str, name: str, schema: Schema, *, required: bool) -> _Part:
    return {"name": name, "in": place, "required": required, "schema": schema.document()}


def _request_body(body: Body) -> _Part:
    return {
        "required": True,
        "description": f"At most {body.max_bytes} bytes.",
        "content": _json({"$ref": f"#/components/schemas/{body.name}"}),
    }


def _json(schema: _Part) -> _Part:
    return {"application/json": {"schema": schema}}


def _answers(declared: Operation) -> _Part:
    success: _Part = {"description": "Done."}
    if declared.answers is not None:
        success["content"] = _json(declared.answers.document())
    if declared.streams is not None:
        success["content"] = {"text/event-stream": {"schema": declared.streams.document()}}
    refusals = {*declared.refuses, *_EVERYWHERE}
    return {
        "200": success,
        **{str(status): _reference_to(status) for status in sorted(refusals)},
    }


def _reference_to(status: int) -> _Part:
    return {"$ref": f"#/components/responses/{status}"}


#: Every status that is not a success.
_REFUSALS: Mapping[int, str] = {
    400: "The request can't be read, or something in it is missing or wrong.",
    401: "Who is calling is not proven: another key, or a token that is not good.",
    403: "The proof is good, but for another instance.",
    404: "There is no such instance, device or publish.",
    422: "A value breaks a rule, which the description names, or a limit is reached.",
    429: "Too many requests in a short time.",
    500: "A fault of the server, which its log has.",
    503: "Nothing was done: a part of the server is away.",
}
_EVERYWHERE = (500,)
_RETRY_AFTER = {"Retry-After": Integer(minimum=0, maximum=86400, about="Seconds.")}
_HEADERS: Mapping[int, Mapping[str, Schema]] = {429: _RETRY_AFTER, 503: _RETRY_AFTER}
_ERROR = Object(
    members={
        "error": Text(min_length=1, about="What kind of refusal it is."),
        "description": Text(min_length=1, about="What is wrong, and where."),
    },
    required=("error", "description"),
)


def _responses() -> _Part:
    return {str(status): _refusal(status, about) for status, about in _REFUSALS.items()}


def _refusal(status: int, about: str) -> _Part:
    headers = {
        name: {"schema": schema.document(), "required": True}
        for name, schema in _HEADERS.get(status, {}).items()
    }
    content = _json({"$ref": "#/components/schemas/Error"})
    return {"description": about, **({"headers": headers} if headers else {}), "content": content}


_SECURITY_SCHEMES: Mapping[Proof, _Part] = {
    Proof.SECRET_KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "A secret key of the instance.",
    },
    Proof.BEAMS_TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Beams token, signed by the app's server.",
    },
}
