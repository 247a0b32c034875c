"""The code of the page on undoing says which entry a change undoes, and of no other change."""

import re
from pathlib import Path

from audit_trail.capture.context import acting_as
from audit_trail.record.entry import read_what
from tests.capture.host import ADA, Host, origin

PAGE = (Path(__file__).parents[2] / "docs" / "undoing.md").read_text()


def test_the_page_s_lines_say_what_they_undo(tmp_path: Path) -> None:
    host = Host(tmp_path / "host.db")
    host.write("INSERT INTO teams (id, account_id, name) VALUES (1, 1, 'Apollo'), (2, 1, 'Other')")
    host.write("UPDATE teams SET name = 'Gemini' WHERE id = 1")
    undone = host.entries()[-1]
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with acting_as(ADA, origin()), host.engine.begin() as connection:

        def rename(project: int, name: str) -> None:
            statement = "UPDATE teams SET name = ? WHERE id = ?"
            connection.exec_driver_sql(statement, (name, project))

        # In the same transaction, before and after.
        rename(2, "Before")
        names = {"rename": rename, "project": 1, "entry": undone}
        exec(compile(block, "undoing.md", "exec"), names)  # noqa: S102 - the page is our own
        rename(2, "After")
    told = {each.public.entity.id: read_what(each.what).details for each in host.entries()[-2:]}
    assert told == {"1": {"undoes": {"index": undone.index, "id": undone.public.id}}, "2": {}}
    host.close()
