"""Fixed rows of the outbox, and the entries of format 1 that they must always become.

`python -m tests.golden.vectors` prints the vectors; the file beside this one was made so, once.
"""

import json
import sys
from itertools import count
from typing import Any

from audit_trail.capture.outbox import Row
from audit_trail.capture.watch import Reference, Table, WatchList
from audit_trail.record.entry import ActorId, Draft, Entity, Part, Removed
from audit_trail.sequencer.drafts import Drafter
from audit_trail.sequencer.identity import uuid7
from audit_trail.store.memory import MemoryStore
from audit_trail.trail import Trail

OCCURRED_MS = 1_687_446_480_123
RECORDED_US = 1_687_446_480_456_789
TEAM = Reference(table="teams", columns=("team_id",), label="name")
WATCH = WatchList(
    tables=(
        Table(name="teams", entity="team", label=("name",), secrets=frozenset({"token"})),
        Table(name="members", entity="team_member", label=("name", "team_id"), references=(TEAM,)),
    )
)
ADA = {
    "actor": {
        "kind": "user",
        "id": "7",
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "role": "administrator",
        "token": {"id": "3", "name": "ci"},
    },
    "origin": {
        "via": "api",
        "request": "6f1c0e0e-8a41-4b0e-9d35-0d3a2f1f6a11",
        "ip": "192.0.2.7",
        "forwarded": ["203.0.113.5", "198.51.100.2"],
        "user_agent": "curl/8.0 ✓",
        "session": "s-1",
        "client_request": "theirs",
    },
    "on_behalf_of": [{"kind": "user", "id": "8", "email": "bob@example.com", "name": "Bob"}],
    "reason": "cleaning up",
    "ticket": "T-42",
}
# A chain of several, nearest first, in a job that a request behind two proxies asked for.
CHAIN = {
    "actor": {"kind": "ai_agent", "id": "concierge", "name": "Concierge"},
    "origin": {
        "via": "job",
        "request": "6f1c0e0e-8a41-4b0e-9d35-0d3a2f1f6a12",
        "ip": "192.0.2.7",
        "forwarded": ["203.0.113.5", "198.51.100.2"],
        "address": "203.0.113.5",
        "job": "nightly clean-up",
    },
    "on_behalf_of": [
        {"kind": "automation", "id": "4", "name": "Escalate"},
        {"kind": "api_token", "id": "9", "name": "sync"},
        {"kind": "support", "id": "70", "email": "sam@example.com", "token": {"name": "desk"}},
        {"kind": "user", "id": "7", "email": "ada@example.com", "name": "Ada Lovelace"},
    ],
    "ticket": "T-43",
}
NO_TICKET = {name: value for name, value in ADA.items() if name != "ticket"}
IMPORT = {
    "actor": {"kind": "job", "id": "seed"},
    "origin": {"via": "import"},
    "occurred_at": 1_500_000_000_000_001,
}
VALUES = {
    "name": ["null", '"Größe \U0001f600 \\u0000"'],
    "n": ["1", "-9223372036854775808"],
    "active": ["true", "false"],
    "ratio": [
        '{"$":"real","text":"0.10000000000000001"}',
        '{"$":"real","text":"-Inf"}',
    ],
    "rules": ['{"$":"json","value":[1,{"a":2.50}]}', '{"$":"json","value":{}}'],
    "picture": ["null", '{"$":"hex","size":3,"hex":"000102"}'],
    "film": ["null", '{"$":"hex","size":4,"hex":"000102"}'],
    "text": [
        '{"$":"cut","size":9,"text":"aé\udcc3"}',
        '{"$":"invalid","why":"not JSON","text":"{"}',
    ],
    "bytes": ['"\udcff"', "null"],
    "token": ['{"$":"secret"}', '{"$":"secret"}'],
}


def row(number: int, **given: Any) -> Row:
    def stored(name: str, default: str | None = None) -> bytes | None:
        text = given.get(name, default)
        if isinstance(text, dict) and name == "context":
            text = json.dumps(text)
        return None if text is None else text.encode(errors="surrogateescape")

    return Row(
        id=number,
        token=given.get("token"),
        nonce=bytes([number]) * 10,
        occurred_us=given.get("occurred_us", (OCCURRED_MS + number) * 1_000),
        table=given.get("table", "teams"),
        operation=given["operation"],
        account=given.get("account", 1),
        record_key=stored("key", "5"),
        record_id=stored("key", "5"),
        changes=stored("changes", "{}"),
        labels=stored("labels", "{}"),
        context=stored("context"),
    )


def changes(**pairs: list[str]) -> str:
    return "{" + ",".join(f'"{name}":[{old},{new}]' for name, (old, new) in pairs.items()) + "}"


ROWS = (
    row(
        1,
        operation="create",
        changes=changes(id=["null", "5"], account_id=["null", "1"], name=["null", '"Red"']),
        labels='{"name":[null,"Red"]}',
        context=ADA,
        token=b"a",
    ),
    row(2, operation="update", changes=changes(**VALUES), labels='{"name":["Red","Größe"]}'),
    row(
        3,
        operation="delete",
        table="members",
        key="9",
        changes=changes(team_id=["5", "null"], name=['"Kit"', "null"]),
        labels='{"name":["Kit",null],"team_id":[null,null]}',
        context=ADA,
        token=b"b",
    ),
    row(
        4,
        operation="delete",
        changes=changes(id=["5", "null"], name=['"Red"', "null"]),
        labels='{"name":["Red",null]}',
        context=ADA,
        token=b"b",
    ),
    row(
        5,
        operation="note",
        table=None,
        key=None,
        changes='{"action":"sign_in_failed","account":"1","entity_type":"user","entity_id":"7",'
        '"outcome":"failure","label":"Ada","details":{"reason":"wrong password"}}',
        context=NO_TICKET,
    ),
    row(6, operation="update", changes=changes(n=["1", "2"]), context=IMPORT),
    row(7, operation="update", changes="nonsense", context=ADA),
    row(8, operation="update", account=None, key='"a key of text"', changes=changes(n=["1", "2"])),
)
# What came later is sequenced later, so that the entries before it keep their salts.
LATER_ROWS = (
    row(
        9,
        operation="note",
        table=None,
        key=None,
        changes='{"action":"export","account":"1","entity_type":"audit_log"}',
        context=CHAIN,
    ),
)

# Format 1 has had these since anything could be removed. They are appended by the trail itself.
DECLARATIONS = tuple(
    Draft(
        id=uuid7((OCCURRED_MS + number) * 1_000, number),
        account="1",
        occurred_at=(OCCURRED_MS + number) * 1_000,
        action=action,
        entity=Entity(type="audit_log"),
        actor=ActorId(kind="user", id="7"),
        via="ui",
        removed=removed,
    )
    for number, action, removed in (
        (10, "erase", Removed(who=((0, 1), (3, 3)), what=((3, 3),))),
        (11, "drop", Removed(entry=((0, 2), (4, 5)))),
    )
)


def vectors() -> list[dict[str, Any]]:
    """Sequence the rows with a fixed clock and fixed salts, and tell every byte of the entries."""
    salts = count(1)
    store = MemoryStore()
    trail = Trail(store, clock=lambda: RECORDED_US, salt=lambda: bytes([next(salts)]) * 16)
    for rows in (ROWS, LATER_ROWS):
        trail.append(Drafter(WATCH, lambda: RECORDED_US).drafts(rows))
    trail.append(DECLARATIONS)
    return [
        {
            "account": account,
            "index": entry.index,
            "version": entry.version,
            "public": entry.public_bytes.decode(),
            "who": _part(entry.who),
            "what": _part(entry.what),
            "leaf": entry.leaf.hex(),
        }
        for account in ("0", "1")
        for entry in store.slice(account, 0, 99)
    ]


def _part(part: Part | None) -> dict[str, str] | None:
    return {"stored": part.stored.decode(), "salt": part.salt.hex()} if part else None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n")
