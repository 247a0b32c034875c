"""What docs/exporting.md says of the files is so."""

import re
from pathlib import Path

from audit_trail.export.manifest import Manifest
from audit_trail.export.table import COLUMNS

PAGE = (Path(__file__).parents[2] / "docs" / "exporting.md").read_text(encoding="utf-8")


def test_every_column_is_described_and_no_other_is() -> None:
    table = PAGE.partition("| column |")[2].partition("\n\n")[0]
    described = re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)
    assert described == [(column.name, column.says) for column in COLUMNS]


def test_every_member_of_the_manifest_is_described() -> None:
    table = PAGE.partition("| member |")[2].partition("\n\n")[0]
    first = (line.split("|")[1] for line in table.splitlines()[2:])
    assert [name for cell in first for name in re.findall(r"`(\w+)`", cell)] == [
        *Manifest.__struct_fields__
    ]
