"""What docs/webhooks.md tells receivers to do finds out who is calling."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heliograph.model.ids import new_instance_id
from heliograph.model.webhook import (
    Webhook,
    WebhookEvent,
    new_webhook_id,
)
from heliograph.model.webhook_body import (
    call_for_a_test,
)
from heliograph.webhooks.send import request_of

NODE = Path(sys.executable).with_name("node")
DOCUMENT = Path(__file__).parents[2] / "docs" / "webhooks.md"
SECRET = "geheim, auch ä"
"""Not all secrets are ASCII."""

IsOurs = Callable[[dict[str, str], bytes], bool]


def code_in(language: str) -> str:
    [code] = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(code)


def in_python(headers: dict[str, str], body: bytes) -> bool:
    known: dict[str, Any] = {}
    exec(code_in("python"), known)  # our own documentation
    return bool(known["is_ours"](headers, body, SECRET))


def in_node(headers: dict[str, str], body: bytes) -> bool:
    lower = {name.lower(): value for name, value in headers.items()}
    asked = f"isOurs({json.dumps(lower)}, {json.dumps(body.decode())}, {json.dumps(SECRET)})"
    program = f"{code_in('js')}\nprocess.stdout.write(String({asked}));"
    return subprocess.check_output([NODE, "-e", program], text=True) == "true"


@pytest.mark.parametrize("is_ours", [in_python, in_node], ids=["Python", "Node.js"])
def test_the_documented_check_takes_a_call_and_no_other(is_ours: IsOurs) -> None:
    headers, body = call_made()
    assert is_ours(headers, body)
    assert not is_ours(headers, body.replace(b"pubid-", b"pubiD-"))
    other = {**headers, "Webhook-Request-ID-UUID": new_instance_id()}
    assert not is_ours(other, body)
    assert not is_ours(*call_made(ago=timedelta(minutes=6)))


def call_made(*, ago: timedelta = timedelta()) -> tuple[dict[str, str], bytes]:
    sent_at = datetime.now(UTC) - ago
    webhook = Webhook(
        id=new_webhook_id(),
        url="https://example.com/",
        secret=SECRET,
        events=(WebhookEvent.ATTEMPT,),
        custom_data={"city": "München"},
        created_at=sent_at,
    )
    call = call_for_a_test(webhook, new_instance_id(), now=sent_at)
    request = request_of(call, now=sent_at)
    return dict(request.headers), request.body
