"""The checks of the architecture themselves: each finds what is wrong, and nothing in what is right."""

from pathlib import Path

import pytest

from tests.test_architecture import (
    MAP,
    Check,
    Module,
    cycles,
    deep_folders,
    empty_names,
    forbidden_edges,
    forbidden_packages,
    impurities,
    long_bodies,
    long_files,
    modules_in,
    private_edges,
    unmapped_rooms,
    unseen_imports,
)

LAWFUL = {room.replace(".", "/") + ".py": "" for room in MAP} | {
    "audit_trail/record.py": "import msgspec\nfrom audit_trail.errors import NotCanonical\n",
    "audit_trail/seal/merkle.py": "from hashlib import sha256\nfrom audit_trail import errors\n",
    "audit_trail/store/port.py": "",
    "audit_trail/store/sqlite.py": "import sqlite3\nfrom audit_trail.store.port import Store\n",
    "audit_trail/trail.py": "import time\nfrom audit_trail.store.port import Store\n",
    "live_agent/app.py": "from live_agent import api, pages\nimport audit_trail.store.sqlite\n",
    "live_agent/settings/teams.py": "from live_agent.schema import Team\n",
    "live_agent/cli.py": "def main():\n    from live_agent.app import application\n",
}
del LAWFUL["audit_trail/seal.py"], LAWFUL["audit_trail/store.py"], LAWFUL["live_agent/settings.py"]

SEEDED: list[tuple[Check, str, str, str]] = [
    (unmapped_rooms, "audit_trail/attic.py", "", "attic is not on the map"),
    (forbidden_edges, "audit_trail/record.py", "import audit_trail.trail", "audit_trail.trail"),
    (forbidden_edges, "audit_trail/seal/leaf.py", "from audit_trail import record", ".record"),
    (forbidden_edges, "audit_trail/seal/leaf.py", "from .. import record", ".record"),
    (forbidden_edges, "audit_trail/server.py", "import audit_trail.store.port", "store.port"),
    (forbidden_edges, "audit_trail/trail.py", "from audit_trail.store import sqlite", ".sqlite"),
    (forbidden_edges, "audit_trail/trail.py", "import audit_trail", "imports audit_trail"),
    (forbidden_edges, "audit_trail/trail.py", "def f():\n  import live_agent.schema", "schema"),
    (forbidden_edges, "audit_trail/__init__.py", "from audit_trail.trail import Trail", ".trail"),
    (forbidden_edges, "live_agent/schema.py", "import audit_trail.errors", "audit_trail.errors"),
    (forbidden_edges, "live_agent/api.py", "import live_agent.pages", "live_agent.pages"),
    (forbidden_edges, "live_agent/pages.py", "import live_agent.api", "live_agent.api"),
    (forbidden_edges, "live_agent/settings/x.py", "import audit_trail.store.sqlite", "sqlite"),
    (forbidden_edges, "live_agent/access.py", "import audit_trail.sequencer", "sequencer"),
    (private_edges, "live_agent/api.py", "from audit_trail.trail import _head", "trail._head"),
    (forbidden_packages, "audit_trail/seal/leaf.py", "import msgspec", "msgspec"),
    (forbidden_packages, "audit_trail/sequencer.py", "from sqlalchemy.orm import S", "sqlalchemy"),
    (unseen_imports, "audit_trail/trail.py", "from importlib import import_module", "computed"),
    (unseen_imports, "audit_trail/trail.py", "__import__('live_agent')", "computed"),
    (impurities, "audit_trail/record.py", "import time", "imports time"),
    (impurities, "audit_trail/seal/leaf.py", "import zoneinfo", "imports zoneinfo"),
    (impurities, "audit_trail/errors.py", "from secrets import token_bytes", "imports secrets"),
    (impurities, "audit_trail/seal/leaf.py", "import socket", "imports socket"),
    (impurities, "audit_trail/seal/leaf.py", "open('leaf')", "uses open"),
    (impurities, "audit_trail/record.py", "import datetime as d\nd.datetime.now()", "uses now"),
    (cycles, "live_agent/schema.py", "import live_agent.settings.teams", "live_agent.schema"),
    (cycles, "live_agent/app.py", "from live_agent.cli import main", "live_agent.cli"),
    (long_bodies, "audit_trail/trail.py", "def f():\n" + "  pass\n" * 71, "71 lines"),
    (long_bodies, "audit_trail/trail.py", "async def f():\n" + "  pass\n" * 71, "71 lines"),
    (long_files, "audit_trail/trail.py", "pass\n" * 601, "601 lines"),
    (empty_names, "live_agent/settings/utils.py", "", "settings.utils"),
    (empty_names, "live_agent/helpers/row.py", "", "helpers.row"),
    (deep_folders, "live_agent/settings/a/b/c.py", "", "settings.a.b.c"),
]
# What is long or deep to the very limit is still lawful.
AT_THE_LIMIT = {
    "audit_trail/trail.py": "def f():\n" + "  pass\n" * 70,
    "audit_trail/sequencer.py": "pass\n" * 600,
    "live_agent/settings/a/b.py": "",
}
CHECKS = sorted({check for check, *_ in SEEDED}, key=lambda check: check.__name__)


def written(folder: Path, sources: dict[str, str]) -> list[Module]:
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return modules_in(folder)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("extra", [{}, AT_THE_LIMIT], ids=["plain", "at_the_limit"])
def test_a_check_is_content_with_lawful_sources(
    check: Check, extra: dict[str, str], tmp_path: Path
) -> None:
    assert check(written(tmp_path, LAWFUL | extra)) == []


@pytest.mark.parametrize(
    ("check", "path", "text", "words"), SEEDED, ids=[f"{s[0].__name__}: {s[3]}" for s in SEEDED]
)
def test_a_check_finds_what_is_wrong(
    check: Check, path: str, text: str, words: str, tmp_path: Path
) -> None:
    violations = check(written(tmp_path, LAWFUL | {path: text}))
    assert len(violations) == 1
    assert words in violations[0]


def test_a_room_that_was_left_is_taken_off_the_map(tmp_path: Path) -> None:
    sources = {name: text for name, text in LAWFUL.items() if name != "live_agent/demo.py"}
    violations = unmapped_rooms(written(tmp_path, sources))
    assert violations == ["live_agent.demo is on the map, but not in the source"]
