"""What an endpoint takes and answers, declared beside its route: the OpenAPI document's source."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heliograph.api.body import Body
from heliograph.model.schema import Object, Schema, Text


class Proof(StrEnum):
    """How a caller proves itself, if at all."""

    SECRET_KEY = "secretKey"  # noqa: S105  # a name in the document
    BEAMS_TOKEN = "beamsToken"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What can be asked, and how it can be answered.

    answers: the JSON of a success; streams: or the text of an event stream; None of them if that is
    empty. refuses: the other statuses, but for 500.
    """

    takes: Body | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    answers: Object | None = None
    streams: Text | None = None
    refuses: tuple[int, ...] = ()
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One door: a method, a path, who answers there, and what can be said."""

    method: str
    path: str
    answer: Callable[[Request], Awaitable[Response]]
    operation: Operation

    @property
    def route(self) -> Route:
        return Route(self.path, self.answer, methods=[self.method])
