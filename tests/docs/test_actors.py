"""The code of the page on actors does what the page says."""

import re
from pathlib import Path

from audit_trail.record.entry import read_who
from audit_trail.record.sentence import actor_called, principals
from tests.capture.host import Host

PAGE = (Path(__file__).parents[2] / "docs" / "actors.md").read_text()


def test_the_page_s_lines_record_who_acted_and_for_whom(tmp_path):
    host = Host(tmp_path / "host.db")
    host.write("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Help')")

    def rename(name: str) -> None:
        with host.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE teams SET name = ? WHERE id = 1", (name,))

    names = {"rename": rename}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "actors.md", "exec"), names)  # noqa: S102 - the page is our own
    names["later"]("Africa")

    told = [
        (
            actor_called(entry.public, who).name,
            [each.name for each in principals(entry.public, who)],
            entry.public.via,
        )
        for entry in host.entries()[1:]
        for who in [read_who(entry.who)]
    ]
    ada, sam = "ada@example.com", "sam@support.example"
    assert told == [
        (sam, [ada], "ui"),
        ("Concierge", [sam, ada], "api"),
        (ada, [], "ui"),
        (ada, [], "job"),
        ("retention", [], "job"),
        (ada, [], "ui"),
    ]
    host.close()
