"""The texts of the page, collected from code, templates and scripts: the catalogue of its languages.

`python -m tests.pages.texts` writes it anew; a test finds out when it isn't current.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

import audit_trail

SOURCE = Path(audit_trail.__file__).parent
POT = SOURCE / "server" / "locale" / "audit_trail.pot"
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


def collected() -> Catalog:
    """Return all texts, each with the file that it stands in."""
    catalog = Catalog(project="Live Agent Audit Logs", fuzzy=False)
    for message, path in sorted(_found(), key=lambda each: (each[1], str(each[0]))):
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


def _found() -> Iterator[tuple[str | tuple[str, ...], str]]:
    extracted = extract_from_dir(SOURCE, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True)
    for path, _, message, _, _ in extracted:
        if message:
            yield message, Path(path).as_posix()


def _flags(message: str | tuple[str, ...]) -> list[str]:
    first = message if isinstance(message, str) else message[0]
    return ["python-format"] if "%(" in first else []


def main() -> None:
    """Write the catalogue anew."""
    POT.parent.mkdir(exist_ok=True)
    POT.write_bytes(written(collected()))


if __name__ == "__main__":
    main()
