"""The page over a trail alone: a trail in memory, and a host that lets everybody in."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from litestar import Litestar
from litestar.testing import TestClient

from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import ActorId, Draft, Entity
from audit_trail.server.assets import Assets, page_templates
from audit_trail.server.audit_logs import audit_logs_router
from audit_trail.server.viewer import Viewer
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail

NOON = 1_690_800_000_000_000
"""2023-07-31 10:40:00 UTC, in microseconds."""


class Waiting(NamedTuple):
    """What the trail still lacks."""

    rows: int = 0
    oldest_us: int | None = None


class TrailPage:
    """A trail, and a client of its page. The clock stands still."""

    def __init__(
        self,
        catalog: Catalog | None = None,
        *,
        trail: Trail | None = None,
        locales: Sequence[Path] = (),
    ) -> None:
        self.trail = trail or Trail(MemoryStore(), clock=lambda: NOON)
        self.waiting = Waiting()
        assets = Assets("/static")
        router = audit_logs_router(
            self.trail,
            path="/logs",
            viewer=lambda _: Viewer(account="7", path="/logs", zone="Europe/Berlin"),
            fresh=lambda: self.waiting,
            catalog=catalog or Catalog(),
            templates=page_templates(assets, locales=locales),
            clock=lambda: NOON,
        )
        self.client = TestClient(Litestar([router, assets.router()], openapi_config=None))

    def add(self, action: str = "update", number: str | None = "1", **more: Any) -> str:
        """Append an entry, and return its id; `who` and `what` are given as objects."""
        who, what = (json.dumps(more.pop(part, None) or {}).encode() for part in ("who", "what"))
        draft = Draft(
            id=str(uuid.uuid4()),
            account="7",
            occurred_at=NOON,
            action=action,
            entity=Entity(type="inbox", id=number),
            actor=ActorId(kind="user", id="3"),
            via="ui",
            who=who if who != b"{}" else None,
            what=what if what != b"{}" else None,
        )
        self.trail.append([msgspec.structs.replace(draft, **more)])
        return draft.id

    def get(self, address: str = "", **headers: str) -> Any:
        """Return the answer to a browser."""
        sent = {"Accept": "text/html", **{key.replace("_", "-"): headers[key] for key in headers}}
        return self.client.get(f"/logs{address}", headers=sent)
