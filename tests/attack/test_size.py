"""Changes of great size: one of 100,000 rows, and values of megabytes or of no encoding."""

import json
import resource
import sys

import pytest
from sqlalchemy import text

from audit_trail.capture.outbox import HUGE_ROWS, Batch
from audit_trail.capture.sqlalchemy import migrating
from tests.attack.lasting import require_whole
from tests.capture.host import Application, Host

ROWS = 100_000
GROWTH_LIMIT_BYTES = 256 * 2**20
SEED = f"""
WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {ROWS})
INSERT INTO teams (id, account_id, n) SELECT i, 1, 0 FROM i
"""


@pytest.mark.slow
def test_a_transaction_of_a_hundred_thousand_rows_arrives_whole_in_bounded_memory(
    lasting: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = lasting
    with migrating(host.engine, host.watch) as connection:
        connection.exec_driver_sql(SEED)
    host.write("UPDATE teams SET n = n + 1")
    taken: list[int] = []
    take = host.outbox.take

    def counting() -> Batch:
        batch = take()
        taken.append(len(batch.rows))
        return batch

    monkeypatch.setattr(host.outbox, "take", counting)
    before = most_memory_bytes()
    host.sequencer.drain()
    assert most_memory_bytes() - before < GROWTH_LIMIT_BYTES
    assert sum(taken) == ROWS and max(taken) <= HUGE_ROWS
    numbers = [
        int(entry.public.entity.id or 0)
        for start in range(0, ROWS, HUGE_ROWS)
        for entry in host.store.slice("1", start, start + HUGE_ROWS)
    ]
    assert numbers == list(range(1, ROWS + 1))


def most_memory_bytes() -> int:
    """The most memory that this process ever had."""
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_a_value_of_ten_megabytes_goes_through_and_hides_no_other_change(
    lasting: Application,
) -> None:
    host = lasting
    host.write("INSERT INTO teams (id, account_id, n) VALUES (1, 1, 0)")
    document = json.dumps([{"said": "é" * 5_000_000}], ensure_ascii=False)
    with host.writing() as connection:
        connection.execute(text("UPDATE teams SET n = 1, rules = :rules"), {"rules": document})
    with host.writing() as connection:
        connection.execute(text("UPDATE teams SET n = 2, rules = NULL"))
    require_whole(host)
    _, changed, emptied = host.told()
    value = changed.changes["rules"][1]
    assert value["size"] == len(document.encode())
    assert value["text"].startswith('[{"said": "éé')
    assert emptied.changes["rules"] == (value, None)


def test_what_is_no_text_or_no_json_goes_through_marked(lasting: Application) -> None:
    host = lasting
    if isinstance(host, Host):
        broken = "CAST(X'C328FF' AS TEXT)", "'[1, '"
    else:
        # PostgreSQL refuses both; what readers choke on, it takes.
        host.shell("ALTER TABLE teams ALTER rules TYPE json")
        host.sync()
        broken = "E'\\x7f\\u2028\\ufeff'", """'["\\ud800", "\\u0000", 1e999]'"""
    host.write(
        f"INSERT INTO teams (id, account_id, n, name, rules) VALUES (1, 1, 0, {', '.join(broken)})"
    )
    (created,) = host.told()
    assert set(created.changes) >= {"n", "name", "rules"}
    assert created.changes["n"][1] == 0
