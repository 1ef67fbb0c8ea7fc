"""What can go wrong, as one small tree. HTTP and exit codes are mapped elsewhere, in one place.

HeliographError
├─ Malformed(reason)            the request can't be read: not JSON, wrong type, too large
├─ Incomplete(reason)           a part of the request that must be there is missing
├─ Invalid(field, reason)       a value breaks a rule; field is a path: users.3, apns.aps
│  └─ Mismatch(field, reason)   it is not what its schema says; the reason alone does not name it
├─ Unauthorized(reason)         who is calling is not proven
├─ Forbidden(reason)            proven, but not for this instance
├─ NotFound(what)               no such instance, device, publish, key
├─ LimitReached(limit, maximum) one more than is allowed
├─ RateLimited(retry_after)     too many requests in so short a time; later it would be fine
├─ Unavailable(part)            store or broker is away; the caller may try again
└─ Misconfigured(problem, remedy)  found at start or by a command; says how to mend it
"""

from datetime import timedelta


class HeliographError(Exception):
    """Base of all errors that Heliograph raises on purpose. The text never holds a secret."""


class Malformed(HeliographError):
    """The request can't be read."""


class Incomplete(HeliographError):
    """A part of the request that must be there is missing."""


class Invalid(HeliographError):
    """A value of the caller breaks a rule."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Mismatch(Invalid):
    """A value is not what its schema says. The reason makes sense only beside the field."""


class Unauthorized(HeliographError):
    """Who is calling is not proven."""


class Forbidden(HeliographError):
    """The proof is good, but not for this instance."""


class NotFound(HeliographError):
    """There is no such thing. `what` is one of our words: instance, device, publish."""

    def __init__(self, what: str) -> None:
        super().__init__(f"no such {what}")
        self.what = what


class LimitReached(HeliographError):
    """One more would be over a limit; nothing was changed."""

    def __init__(self, limit: str, maximum: int) -> None:
        super().__init__(f"{limit}: at most {maximum}")
        self.limit = limit
        self.maximum = maximum


class RateLimited(HeliographError):
    """Too many requests in so short a time; nothing was done."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("too many requests, try again later")
        self.retry_after = retry_after


class Unavailable(HeliographError):
    """A part that is needed is away; nothing was accepted, the caller may try again."""

    def __init__(self, part: str, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(f"the {part} is not available, try again")
        self.part = part
        self.retry_after = retry_after


class Misconfigured(HeliographError):
    """A setting or the machine is not as it must be; `remedy` says how to mend it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n{remedy}")
        self.problem = problem
        self.remedy = remedy
