"""The README's code does what the README says."""

import re
from pathlib import Path

from msgspec import Raw
from sqlalchemy import create_engine, text

from audit_trail.record.catalog import Catalog
from audit_trail.record.entry import read_what, read_who
from audit_trail.record.sentence import activity

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_lines_for_another_application_record_its_change(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE products (id INTEGER PRIMARY KEY, account_id INTEGER, name TEXT)")
        )
        connection.execute(text("CREATE TABLE carts (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO products VALUES (3, 1, 'Lamp')"))

    def rename_a_product() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE products SET name = 'Floor lamp' WHERE id = 3"))

    names = {"engine": engine, "rename_a_product": rename_a_product, "folder": tmp_path}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - the README is our own

    newest = names["newest"]
    assert activity(newest.public, read_what(newest.what), Catalog()) == "Updated a product (#3)"
    assert read_who(newest.who).email == "ada@example.com"
    change = read_what(newest.what).changes["name"]
    assert isinstance(change.before, Raw)
    assert isinstance(change.after, Raw)
    assert (bytes(change.before), bytes(change.after)) == (b'"Lamp"', b'"Floor lamp"')


def test_the_lines_are_as_many_as_it_says():
    counted = [
        len([line for line in block.splitlines() if line.strip()])
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    ]
    assert counted == [10, 9]
    assert "Ten lines, imports included" in README
    assert "Nine more lines, imports included" in README


def test_the_first_command_comes_before_line_20_and_every_linked_file_is_there():
    lines = README.splitlines()
    assert next(number for number, line in enumerate(lines) if line.startswith("make run")) < 20
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), (
            f"{target} is linked, not there"
        )
