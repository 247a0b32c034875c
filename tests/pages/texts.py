"""The texts of the page and of its host, collected from code and templates: their catalogues.

`python -m tests.pages.texts` writes them anew, and brings every language's file up to date: what is
translated stays, what is new comes without a text, what is gone goes. Tests find out what isn't current.
"""

import ast
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import audit_trail
import live_agent
from audit_trail import errors
from audit_trail.record.catalog import spelled
from live_agent.errors import LiveAgentError
from live_agent.schema import AVAILABILITIES, ROLES, Record
from live_agent.settings.automation import ACTIONS, ATTRIBUTES, EVENTS, OPERATORS
from live_agent.settings.webhooks import SUBSCRIPTIONS
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
    ("**/static/**.js", "javascript"),
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
WORDS = (*ROLES, *AVAILABILITIES, *EVENTS, *ATTRIBUTES, *OPERATORS, *ACTIONS, *SUBSCRIPTIONS)
"""The contract's words that are read on pages; `and` and `or` join conditions."""

ERRORS: dict[Path, tuple[type[Exception], ...]] = {
    # Of the engine's, what a page may tell people: of questions, of retention, and of the seal.
    ENGINE: (
        *(errors.EntryNotFound, errors.QueryRefused, errors.CursorRefused, errors.TooManyTails),
        *(errors.RemovalRefused, errors.RetentionRefused, errors.PolicyMoved),
        *(errors.PolicyAltered, errors.ErasureRefused, errors.EvidenceRefused),
        *(errors.ExportRefused, errors.ExportCancelled, errors.TreeRefused, errors.KeyRefused),
        *(errors.NoteRefused, errors.SignerUnknown, errors.SignatureRefused),
        *(errors.CheckpointRefused, errors.CheckpointNotFound, errors.OriginRefused),
        *(errors.EntryAltered, errors.HistoryLost, errors.HeadsFailed, errors.TileNotFound),
    ),
    ENVIRONMENT: (LiveAgentError,),
}
MOST_STATUS = 500
"""From this status on a page doesn't say what exactly went wrong."""


class Text(NamedTuple):
    """A text in English, or one for one and one for many; and the file that it stands in."""

    message: str | tuple[str, ...]
    path: str


def collected(source: Path) -> Catalog:
    """Return all texts of a package, each with the files that it stands in.

    What the page says already is translated there, once for it and its host.
    """
    catalog = Catalog(project="Live Agent Audit Logs", fuzzy=False)
    found = {*_called(source), *_labels(source), *_docstrings(source)}
    if source == ENVIRONMENT:
        found |= {*_columns(), *_words()}
        known = collected(ENGINE)
        found = {each for each in found if each.message not in known}
    for message, path in sorted(found, key=lambda each: (each.path, str(each.message))):
        catalog.add(message, locations=[(path, 1)], flags=_flags(message))
    return catalog


def updated(template: Catalog, *known: Catalog) -> Catalog:
    """Return a language's catalogue with the template's texts, in its order.

    Of several catalogues that are known, the first that has a text counts.
    """
    catalog = Catalog(locale=known[0].locale, fuzzy=False)
    for message in template:
        if message.id:
            before = filter(None, (each.get(message.id) for each in known))
            catalog.add(
                message.id,
                next((each.string for each in before if each.string), None),
                locations=message.locations,
                flags=message.flags,
            )
    return catalog


def written(catalog: Catalog) -> bytes:
    """Return the catalogue's file, without what changes from one day to the next."""
    file = BytesIO()
    write_po(file, catalog, omit_header=True, width=100, include_lineno=False)
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    if catalog.locale is None:
        header = (
            "# The texts of Settings > Audit Logs. A language is a file beside this one, `de.po`.\n"
            + header
        )
    else:
        header += f'"Plural-Forms: {catalog.plural_forms}\\n"\n'
    return f"{header}\n".encode() + file.getvalue()


def languages_of(pot: Path) -> dict[Path, Catalog]:
    """Return the languages' catalogues beside a template."""
    return {
        path: read_po(BytesIO(path.read_bytes()), locale=path.stem.replace("-", "_"))
        for path in sorted(pot.parent.glob("*.po"))
    }


def _called(source: Path) -> Iterator[Text]:
    """Yield what is given to the functions that say something."""
    extracted = extract_from_dir(source, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True)
    for path, _, message, _, _ in extracted:
        if message:
            yield Text(message, Path(path).as_posix())


def _labels(source: Path) -> Iterator[Text]:
    """Yield the labels of fields, with which the sentences about them begin."""
    for path in sorted(source.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Field":
                for keyword in node.keywords:
                    value = keyword.value
                    if keyword.arg == "label" and isinstance(value, ast.Constant):
                        yield Text(str(value.value), path.relative_to(source).as_posix())


def _docstrings(source: Path) -> Iterator[Text]:
    """Yield what errors say by default."""
    left = list(ERRORS[source])
    while left:
        error = left.pop()
        left += error.__subclasses__()
        is_said = getattr(error, "status", 0) < MOST_STATUS
        if is_said and error.__doc__ and error.__module__.startswith(source.name):
            yield Text(error.__doc__, "errors.py")


def _columns() -> Iterator[Text]:
    """Yield how each recorded column reads that the catalog has no label for."""
    for table in WATCH.tables:
        for column in Record.metadata.tables[table.name].columns:
            yield Text(spelled(column.name), "schema.py")


def _words() -> Iterator[Text]:
    yield from (Text(spelled(word), "settings") for word in (*WORDS, "and", "or"))


def _flags(message: str | tuple[str, ...]) -> list[str]:
    first = message if isinstance(message, str) else message[0]
    return ["python-format"] if re.search(r"%\(", first) else []


def main() -> None:
    """Write the catalogues anew, and the languages' files."""
    before = {pot: languages_of(pot) for pot in POTS.values()}
    for source, pot in POTS.items():
        template = collected(source)
        pot.write_bytes(written(template))
        for path, known in before[pot].items():
            # A text may have moved from the page to its host, or back.
            others = [each[other.parent / path.name] for other, each in before.items()]
            path.write_bytes(written(updated(template, known, *others)))


if __name__ == "__main__":
    main()
