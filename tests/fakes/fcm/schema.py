"""A JSON Schema of FCM's message, from Google's own description (fcm.v1.json)."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DESCRIPTION = Path(__file__).parent / "fcm.v1.json"
TARGETS = ("token", "fid", "topic", "condition")
DURATION = r"^\d+(\.\d{1,9})?s$"
FORMATS: dict[str, dict[str, Any]] = {
    "google-duration": {"pattern": DURATION},
    "int32": {"maximum": 2**31 - 1},
}


@cache
def validator() -> Draft202012Validator:
    """Checks the body of a send request: unknown fields and wrong types are errors."""
    described = json.loads(DESCRIPTION.read_text())["schemas"]
    definitions = {name: _object(one) for name, one in described.items()}
    return Draft202012Validator({"$ref": "#/$defs/SendMessageRequest", "$defs": definitions})


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _object(described: dict[str, Any]) -> dict[str, Any]:
    properties = {}
    for name, one in described.get("properties", {}).items():
        schema = _value(one)
        properties[name] = schema
        properties[snake_case(name)] = schema
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(described: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in described:
        return {"$ref": f"#/$defs/{described['$ref']}"}
    if described["type"] == "array":
        return {"type": "array", "items": _value(described["items"])}
    if "additionalProperties" in described:
        inner = described["additionalProperties"]
        free = {} if inner["type"] == "any" else {"type": inner["type"]}
        return {"type": "object", "additionalProperties": free}
    schema: dict[str, Any] = {
        "type": described["type"],
        **FORMATS.get(described.get("format", ""), {}),
    }
    if "enum" in described:
        # Google's own samples and SDK write them in lower case.
        schema["enum"] = [word for one in described["enum"] for word in (one, one.lower())]
    return schema
