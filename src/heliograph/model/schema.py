"""What a JSON value must be: declared once, then both checked and documented from the declaration.

A small part of JSON Schema (draft 2020-12, as OpenAPI 3.1 has it). Each kind of value finds what is
wrong with one, in the words of the validator that users of Beams know (gojsonschema), and renders
itself as a JSON Schema. `about` is for the reader of the document.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from heliograph.model.errors import Mismatch

Document = dict[str, Any]
"""A JSON Schema as it is written out."""


class Fault(NamedTuple):
    """What is wrong with one value. field: its path, as `users.3`; empty for the whole."""

    field: str
    reason: str


class Schema(Protocol):
    """What a value must be."""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        """All that is wrong with the value at this path; of a part of the wrong type, only that."""
        ...

    def document(self) -> Document:
        """The same as JSON Schema."""
        ...


def check(schema: Schema, value: object, path: str = "") -> None:
    """Raises Mismatch with the first fault."""
    for fault in schema.faults(value, path):
        raise Mismatch(fault.field or "(root)", fault.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything:
    """Any value: it is passed on, passed over, or checked elsewhere."""

    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        yield from ()

    def document(self) -> Document:
        return _with_about({}, self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A member that must not be there."""

    reason: str

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        yield Fault(path, self.reason)

    def document(self) -> Document:
        return {"not": {}, "description": f"Must not be there: {self.reason}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string. Lengths are in code points; the pattern is of the whole text.

    pattern: must mean the same in Python and in ECMA-262. otherwise: what is said to a text that
    does not match, if not the pattern. format: a name for readers and generators, not checked.
    """

    min_length: int = 0
    max_length: int | None = None
    pattern: re.Pattern[str] | None = None
    otherwise: str | None = None
    format: str | None = None
    example: str | None = None
    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield _wrong_type(path, "string")
        elif len(value) < self.min_length:
            reason = f"String length must be greater than or equal to {self.min_length}"
            yield Fault(path, reason)
        elif self.max_length is not None and len(value) > self.max_length:
            yield Fault(path, f"String length must be less than or equal to {self.max_length}")
        elif self.pattern is not None and self.pattern.fullmatch(value) is None:
            yield Fault(path, self.otherwise or f"Does not match pattern '{self._anchored()}'")

    def document(self) -> Document:
        keywords = {
            "type": "string",
            "minLength": self.min_length or None,
            "maxLength": self.max_length,
            "pattern": self._anchored(),
            "format": self.format,
            "examples": None if self.example is None else [self.example],
        }
        return _with_about(keywords, self.about)

    def _anchored(self) -> str | None:
        return None if self.pattern is None else f"^{self.pattern.pattern}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """A whole number. JSON Schema takes 1.0 for one, too."""

    minimum: int
    maximum: int
    default: int | None = None
    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        # bool is an int in Python, not in JSON
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if not isinstance(value, int | float) or isinstance(value, bool) or not is_whole:
            yield _wrong_type(path, "integer")
        elif value < self.minimum:
            yield Fault(path, f"Must be greater than or equal to {self.minimum}")
        elif value > self.maximum:
            yield Fault(path, f"Must be less than or equal to {self.maximum}")

    def document(self) -> Document:
        keywords = {
            "type": "integer",
            "minimum": self.minimum,
            "maximum": self.maximum,
            "default": self.default,
        }
        return _with_about(keywords, self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Any number."""

    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield _wrong_type(path, "number")

    def document(self) -> Document:
        return _with_about({"type": "number"}, self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean:
    """true or false."""

    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        if not isinstance(value, bool):
            yield _wrong_type(path, "boolean")

    def document(self) -> Document:
        return _with_about({"type": "boolean"}, self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """One of a few texts, or of a few whole numbers."""

    values: tuple[str | int, ...]
    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        # 1, 1.0 and true are equal in Python, not here.
        if not any(value == one and type(value) is type(one) for one in self.values):
            shown = ", ".join(map(str, self.values))
            yield Fault(path, f"{path} must be one of the following: {shown}")

    def document(self) -> Document:
        kind = "string" if isinstance(self.values[0], str) else "integer"
        return _with_about({"type": kind, "enum": list(self.values)}, self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """A list of texts, or of what else can be compared, if they must differ."""

    items: Schema
    min_items: int = 0
    max_items: int | None = None
    unique: bool = False
    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield _wrong_type(path, "array")
        elif len(value) < self.min_items:
            yield Fault(path, f"Array must have at least {self.min_items} items")
        elif self.max_items is not None and len(value) > self.max_items:
            yield Fault(path, f"Array must have at most {self.max_items} items")
        else:
            yield from self._faults_within(value, path)

    def _faults_within(self, values: list[Any], path: str) -> Iterator[Fault]:
        all_good = True
        for index, value in enumerate(values):
            for fault in self.items.faults(value, f"{path}.{index}"):
                all_good = False
                yield fault
        if all_good and self.unique and len(set(values)) < len(values):
            yield Fault(path, "array items must be unique")

    def document(self) -> Document:
        keywords = {
            "type": "array",
            "items": self.items.document(),
            "minItems": self.min_items or None,
            "maxItems": self.max_items,
            "uniqueItems": self.unique or None,
        }
        return _with_about(keywords, self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object. Members without a declaration may be anything.

    required: must all be there. one_required: of these, at least one.
    """

    members: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    one_required: tuple[str, ...] = ()
    about: str = ""

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong_type(path, "object")
            return
        below = f"{path}." if path else ""
        for name in self.required:
            if name not in value:
                yield Fault(below + name, f"{name} is required")
        if self.one_required and not any(name in value for name in self.one_required):
            yield Fault(path, f"at least one of {', '.join(self.one_required)} is required")
        for name, member in self.members.items():
            if name in value:
                yield from member.faults(value[name], below + name)

    def document(self) -> Document:
        members = {name: member.document() for name, member in self.members.items()}
        keywords = {
            "type": "object",
            "properties": members or None,
            "required": list(self.required) or None,
            "anyOf": [{"required": [name]} for name in self.one_required] or None,
        }
        return _with_about(keywords, self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nullable:
    """The same, or null."""

    of: Schema

    def faults(self, value: object, path: str) -> Iterator[Fault]:
        if value is not None:
            yield from self.of.faults(value, path)

    def document(self) -> Document:
        return {"anyOf": [self.of.document(), {"type": "null"}]}


def _wrong_type(path: str, expected: str) -> Fault:
    return Fault(path, f"Invalid type. Expected: {expected}")


def _with_about(keywords: Document, about: str) -> Document:
    """Without what is not said."""
    said = {**keywords, "description": about or None}
    return {keyword: value for keyword, value in said.items() if value is not None}
