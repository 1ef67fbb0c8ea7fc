"""Signatures of webhook calls: by them a receiver knows that a call is ours and is unchanged.

Beams signs the body alone, so what was overheard can be sent again for ever. So there is a second
signature, as Standard Webhooks has it, over id, time and body. Only its header has another name,
since Beams has taken that one. https://github.com/standard-webhooks/standard-webhooks
"""

import base64
import hashlib
import hmac
from datetime import datetime

TIMESTAMP = "Webhook-Timestamp"
SIGNATURE_256 = "Webhook-Signature-SHA256"


def signatures(secret: str, call_id: str, body: bytes, *, now: datetime) -> dict[str, str]:
    """The headers that sign a call. The secret's UTF-8 is the key, never decoded."""
    key, timestamp = secret.encode(), str(int(now.timestamp()))
    content = b".".join((call_id.encode(), timestamp.encode(), body))
    with_time = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        # For the receiver this is no longer safe alone, but it is what Beams sends.
        "Webhook-Signature": hmac.new(key, body, hashlib.sha1).hexdigest(),
        TIMESTAMP: timestamp,
        SIGNATURE_256: f"v1,{with_time}",
    }
