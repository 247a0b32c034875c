"""What the environment names for a command: where the databases lie, and the key that signs.

What is needed is imported inside, so that `--help` answers at once.
"""

import os
from pathlib import Path
from typing import Any


def signing_of(data: Path) -> Any:
    """Read the key. No option takes one: every process can read another's arguments."""
    from audit_trail.errors import KeyRefused
    from audit_trail.keyring import Signing
    from audit_trail.signing.keys import Seed

    if path := os.environ.get("LIVE_AGENT_SIGNING_KEY_FILE"):
        key = Seed.read(Path(path))
        if key is None:
            raise KeyRefused(f"There is no key file {path}.")
        return Signing(data=data, key=key)
    text = os.environ.get("LIVE_AGENT_SIGNING_KEY")
    return Signing(data=data, key=Seed.parse(text) if text else None)


def places_of(data: Path, *, database_url: str | None = None) -> Any:
    """Read the URLs. No option takes one: every process can read another's arguments."""
    from live_agent.places import Places

    return Places(
        data=data,
        database_url=database_url or os.environ.get("LIVE_AGENT_DATABASE_URL", ""),
        capture_url=os.environ.get("LIVE_AGENT_CAPTURE_URL", ""),
        trail_url=os.environ.get("LIVE_AGENT_TRAIL_URL", ""),
    )
