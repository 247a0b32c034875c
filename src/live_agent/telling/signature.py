"""The headers of a webhook, signed as the Standard Webhooks specification says; it sends nothing.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64decode, b64encode


def signed_headers(secret: str, message_id: str, now_us: int, body: bytes) -> dict[str, str]:
    """Return the headers of an attempt to send this message now; a retry has the same id."""
    seconds = str(now_us // 1_000_000)
    key = b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, "sha256")
    return {
        "content-type": "application/json",
        "user-agent": "live-agent-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
