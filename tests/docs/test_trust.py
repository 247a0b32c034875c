"""Every test that the page on trust names is there, and every line of its tables names one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text()
WHO_COULD = PAGE.partition("## Who could do what")[2].partition("## What is never missing")[0]


def test_every_test_that_is_named_exists() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"def (test_\w+)\(", sources))
    known |= set(re.findall(r"def (test_\w+)\(", (ROOT / "tests/store/contract.py").read_text()))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 40
    assert sorted(named - known) == []


def test_every_line_of_who_could_do_what_names_its_test() -> None:
    rows = [line for line in WHO_COULD.splitlines() if line.startswith("| ")]
    told = [line for line in rows if not line.endswith("| test |")]
    assert len(told) > 25
    assert [line for line in told if "`test_" not in line] == []
