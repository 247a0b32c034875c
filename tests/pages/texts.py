"""The texts of the page and of its host, collected from code and templates: their catalogues.

`python -m tests.pages.texts` writes them anew; a test finds out when one isn't current.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

import audit_trail
import live_agent
from audit_trail.record.catalog import spelled
from live_agent.schema import Record
from live_agent.watching import WATCH

ENGINE = Path(audit_trail.__file__).parent
ENVIRONMENT = Path(live_agent.__file__).parent
POTS = {
    ENGINE: ENGINE / "server" / "locale" / "audit_trail.pot",
    ENVIRONMENT: ENVIRONMENT / "pages" / "locale" / "live_agent.pot",
}
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2.ext:babel_extract"),
]
OPTIONS = {
    "**/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
}
KEYWORDS: dict[str, Any] = {
    "_": None,
    "say": None,
    "told": None,
    "marked": None,
    "filled": None,
    "say_many": (1, 2),
    "told_many": (1, 2),
}


def collected(source: Path) -> Catalog:
    """Return all texts of a package, each with the file that it stands in."""
    catalog = Catalog(project="Live Agent Audit Logs", fuzzy=False)
    found = [*_found(source), *(_columns() if source == ENVIRONMENT else ())]
    for message, path in sorted(found, key=lambda each: (each[1], str(each[0]))):
        catalog.add(message, locations=[(path, 1)], flags=_flags(message))
    return catalog


def written(catalog: Catalog) -> bytes:
    """Return the catalogue's file, without what changes from one day to the next."""
    file = BytesIO()
    write_po(file, catalog, omit_header=True, width=100, include_lineno=False)
    header = (
        b"# The texts of Settings > Audit Logs. A language is a copy of this file beside it, `de.po`.\n"
        b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    )
    return header + file.getvalue()


def _found(source: Path) -> Iterator[tuple[str | tuple[str, ...], str]]:
    extracted = extract_from_dir(source, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True)
    for path, _, message, _, _ in extracted:
        if message:
            yield message, Path(path).as_posix()


def _columns() -> Iterator[tuple[str, str]]:
    """Yield how each recorded column reads that the catalog has no label for."""
    for table in WATCH.tables:
        for column in Record.metadata.tables[table.name].columns:
            yield spelled(column.name), "schema.py"


def _flags(message: str | tuple[str, ...]) -> list[str]:
    first = message if isinstance(message, str) else message[0]
    return ["python-format"] if "%(" in first else []


def main() -> None:
    """Write the catalogues anew."""
    for source, pot in POTS.items():
        pot.parent.mkdir(exist_ok=True)
        pot.write_bytes(written(collected(source)))


if __name__ == "__main__":
    main()
