"""The three answers that clients understand: a document, an empty success, and a refusal.

A success is 200 and nothing else. A refusal always says what and why, in JSON.
"""

from typing import Any

from tests.client import Reply

OK = 200


def document(reply: Reply) -> Any:
    """Return the JSON document of a success."""
    assert reply.status == OK, reply
    return reply.json()


def assert_done(reply: Reply) -> None:
    """Assert a success that has nothing to say."""
    assert (reply.status, reply.body) == (OK, b""), reply


def assert_refused(reply: Reply, status: int, *words: str) -> None:
    """Assert a refusal with this status that names these words, in whatever case."""
    assert reply.status == status, reply
    text = refusal_text(reply).lower()
    missing = [word for word in words if word.lower() not in text]
    assert not missing, f"{missing} not in {text!r}"


def refusal_text(reply: Reply) -> str:
    """Return title and description of a refusal, after a look at its shape."""
    media_type = reply.headers.get("content-type", "").partition(";")[0]
    assert media_type == "application/json", reply
    refusal = reply.json()
    assert isinstance(refusal, dict), reply
    title, description = refusal.get("error"), refusal.get("description")
    assert isinstance(title, str) and title.strip(), reply  # noqa: PT018
    assert isinstance(description, str) and description.strip(), reply  # noqa: PT018
    # Android restarts in a hot loop when it reads this title.
    assert title != "InvalidToken", reply
    return f"{title}: {description}"
