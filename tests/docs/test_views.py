"""What docs/views.md says to receivers: the code that verifies a message is run."""

import re
import time
from pathlib import Path
from typing import Any

from live_agent.telling.signature import signed_headers

PAGE = (Path(__file__).parents[2] / "docs" / "views.md").read_text(encoding="utf-8")
SECRET = "whsec_" + "c2VjcmV0" * 4


def test_the_code_that_verifies_a_message_does() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    page: dict[str, Any] = {}
    exec(code, page)  # noqa: S102 -- it is our own page's
    is_genuine = page["is_genuine"]
    now_us, body = time.time_ns() // 1_000, b'{"type":"saved_view.new_entries"}'
    headers = signed_headers(SECRET, "msg_1", now_us, body)
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    assert not is_genuine("whsec_" + "b3RoZXIh" * 4, headers, body)
    assert not is_genuine(SECRET, headers | {"webhook-id": "msg_2"}, body)
    late = signed_headers(SECRET, "msg_1", now_us - 600_000_000, body)
    assert not is_genuine(SECRET, late, body)
