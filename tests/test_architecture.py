"""The rooms may only look down. This file is the map: a new edge is a decision, never an accident.

Every check takes modules and answers with the violations it finds, so that test_seeded_violations.py
can hold each of them against sources that are wrong on purpose.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"

BODY_LIMIT_LINES = 70
FILE_LIMIT_LINES = 600
FOLDER_LIMIT = 2
# Names that say nothing draw everything in.
EMPTY_NAMES = {"base", "common", "helpers", "manager", "service", "utils"}


class Room(NamedTuple):
    """What one room may import: ours by dotted prefix, of others only the named packages.

    `permitted` is what a pure room may have though it is impure.
    """

    may_import: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    pure: bool = False
    permitted: tuple[str, ...] = ()


def engine(*rooms: str) -> tuple[str, ...]:
    return tuple(f"audit_trail.{room}" for room in rooms)


def environment(*rooms: str) -> tuple[str, ...]:
    return tuple(f"live_agent.{room}" for room in rooms)


# The environment enters the engine by these doors, and fails by its own errors. Only where it is
# put together may it also choose a store and start a sequencer.
DOORS = (
    *engine("errors", "record", "capture", "search.found", "trail"),
    *engine(
        "coverage",
        "credentials",
        "erasure",
        "evidence",
        "export",
        "past",
        "reconciliation",
        "retention",
    ),
    *engine("server"),
    "live_agent.errors",
)
COMPOSITION = (*DOORS, *engine("store", "signing", "trees", "sequencer", "own", "keyring"))
# The API and the pages stand side by side on these, and never on each other.
UNDER_EDGES = environment(
    *("schema", "watching", "database", "catalog", "attempts", "access", "settings"),
    *("restoring", "exporting", "metrics", "services", "gate", "entrance"),
)
EDGES = environment("api", "pages")

MAP = {
    "audit_trail.errors": Room(pure=True),
    # The clocks of a zone are files of the system, but say the same at every reading.
    "audit_trail.record": Room(engine("errors"), ("msgspec",), pure=True, permitted=("zoneinfo",)),
    # Signing is arithmetic; drawing a key isn't, and is done elsewhere.
    "audit_trail.seal": Room(engine("errors"), ("cryptography",), pure=True),
    "audit_trail.capture": Room(
        engine("errors", "record"), ("asgiref", "django", "msgspec", "psycopg", "sqlalchemy")
    ),
    "audit_trail.store": Room(engine("errors", "record", "seal"), ("msgspec", "psycopg")),
    # Whoever works on a store knows its port alone; the adapter is an argument.
    "audit_trail.signing": Room(engine("errors", "seal", "store.port")),
    "audit_trail.trees": Room(engine("errors", "record.entry", "seal", "signing", "store.port")),
    # It reads a store by its port, and judges what it finds by the entry itself.
    "audit_trail.search": Room(
        engine("errors", "record", "store.port", "store.index"), ("msgspec", "pyroaring")
    ),
    "audit_trail.trail": Room(
        engine("errors", "record", "search", "seal", "signing", "trees", "store.port"), ("msgspec",)
    ),
    # It asks a trail as a reader does, and folds what it finds.
    "audit_trail.past": Room(engine("errors", "record", "trail"), ("msgspec",)),
    # It judges bytes from anywhere, so it must not be able to ask a trail, a store or a clock.
    "audit_trail.verify": Room(engine("errors", "record", "seal"), ("msgspec",), pure=True),
    # It reads a store by its port, and tells what it finds as the verifier of files does.
    "audit_trail.inspection": Room(
        engine("errors", "record", "seal", "signing", "store.port", "verify"), ("msgspec",)
    ),
    # Of the verifier the writer of evidence needs how a file is spelled, not how it is judged.
    "audit_trail.evidence": Room(
        engine(
            *("errors", "record", "seal", "trail"),
            *("verify.archive", "verify.filter", "verify.indexes", "verify.manifest"),
        ),
        ("msgspec",),
    ),
    # It says who did it as the sequencer does.
    "audit_trail.own": Room(
        engine("errors", "record", "capture.context", "sequencer.acting", "sequencer.identity"),
        ("msgspec",),
    ),
    "audit_trail.turns": Room(),
    # A run asks the trail alone, and says what it did as the trail itself does.
    "audit_trail.retention": Room(
        engine("errors", "record", "capture.context", "own", "trail", "turns"), ("msgspec",)
    ),
    # It asks the trail as a reader does, and notes what it handed out as the trail itself does.
    "audit_trail.export": Room(
        engine("errors", "record", "capture.context", "own", "trail"), ("msgspec", "pyarrow")
    ),
    # It declares what it removes by an entry of the trail's own.
    "audit_trail.erasure": Room(
        engine(
            *("errors", "record", "own", "trail", "trees", "store.port", "capture.context"),
            "retention",
        ),
        ("msgspec",),
    ),
    # Of capture the sequencer needs what an outbox row means, not how a trigger wrote it.
    "audit_trail.sequencer": Room(
        engine(
            "errors",
            "record",
            "capture.context",
            "capture.outbox",
            "capture.watch",
            "trail",
            "store.port",
        ),
        ("msgspec",),
    ),
    # It reads an outbox row's meaning, and a table's row as such a row; it folds a trail, and tells it.
    "audit_trail.reconciliation": Room(
        engine(
            *("errors", "record", "trail", "own", "capture", "sequencer.rows", "turns"),
        ),
        ("msgspec", "sqlalchemy"),
    ),
    # It asks capture by its front door what is there, and notes there what it found.
    # Where the outbox is gone, it tells the trail itself.
    "audit_trail.coverage": Room(
        engine("errors", "record", "capture", "own", "trail", "turns"), ("msgspec", "sqlalchemy")
    ),
    # The addresses of tiles and the spelling of hashes are the seal's; so is the checkpoint that the
    # window of an entry tells.
    "audit_trail.server": Room(
        engine(
            *("errors", "record", "search.found", "search.finding", "seal", "trail", "evidence"),
            "past",
            "export.wanted",
        ),
        ("babel", "jinja2", "litestar", "msgspec"),
    ),
    # A rotation or an epoch is an entry of its own, appended where no server runs.
    "audit_trail.keyring": Room(
        engine("errors", "record", "capture.context", "own", "signing", "store.port", "trail"),
        ("msgspec",),
    ),
    # It changes and runs the retention as an operator, beside a server or without one.
    "audit_trail.retaining": Room(
        engine(
            *("errors", "record", "capture.context", "keyring", "retention", "store.port", "trail")
        ),
        ("msgspec",),
    ),
    "audit_trail.credentials": Room(packages=("argon2",)),
    # It runs whatever application it is given.
    "audit_trail.serving": Room(engine("errors"), ("granian", "litestar")),
    "audit_trail.logs": Room(engine("errors"), ("msgspec", "structlog")),
    # It reads the trail as any application does that mounts the server, and says who did it as the
    # trail itself does. It knows no watched database.
    "audit_trail.standalone": Room(
        engine(
            *("errors", "record", "capture.context", "capture.asgi", "capture.proxies"),
            *("capture.outbox", "credentials", "own", "trail", "server"),
        ),
        ("jinja2", "litestar", "msgspec"),
    ),
    # It knows an application by its tables alone, and no trail.
    "audit_trail.attaching": Room(engine("errors", "capture"), ("msgspec", "sqlalchemy")),
    # It composes the engine for operators, and knows no application.
    "audit_trail.cli": Room(
        engine(
            *("errors", "record", "seal", "capture", "store", "signing", "trees", "trail"),
            *("erasure", "verify", "evidence", "inspection", "coverage", "sequencer"),
            "reconciliation",
            *(
                "retention",
                "credentials",
                "serving",
                "logs",
                "standalone",
                "keyring",
                "retaining",
                "attaching",
            ),
        ),
        ("msgspec", "rich", "sqlalchemy", "typer"),
    ),
    "live_agent.errors": Room(engine("errors"), pure=True),
    # The one clock is the trail's, so that rows and entries tell the same time.
    "live_agent.schema": Room(engine("trail"), ("sqlalchemy",)),
    "live_agent.watching": Room((*DOORS, *environment("schema"))),
    "live_agent.catalog": Room((*DOORS, *environment("schema"))),
    "live_agent.engines": Room(DOORS, ("sqlalchemy",)),
    # A version is frozen: of the schema it takes how a default is written, and no table.
    "live_agent.migrations": Room(environment("errors", "schema"), ("alembic", "sqlalchemy")),
    "live_agent.database": Room(
        (*DOORS, *environment("schema", "watching", "engines", "migrations")), ("sqlalchemy",)
    ),
    # It chooses the engine of the trail, and of the database.
    "live_agent.places": Room(
        (*DOORS, *engine("store"), *environment("engines", "database", "watching")),
        ("msgspec", "sqlalchemy"),
    ),
    # It makes what the application may not: both databases, their owners and their rights.
    "live_agent.installing": Room(
        (*DOORS, *engine("store"), *environment("engines", "database")), ("psycopg", "sqlalchemy")
    ),
    "live_agent.attempts": Room(
        (*DOORS, *environment("schema", "database")), ("msgspec", "sqlalchemy")
    ),
    "live_agent.access": Room(
        (*DOORS, *environment("schema", "database", "attempts")),
        ("msgspec", "sqlalchemy"),
    ),
    "live_agent.settings": Room(
        (*DOORS, *environment("schema", "database", "catalog", "access")),
        ("msgspec", "sqlalchemy"),
    ),
    # It reads an entry as the trail has it, and writes what it says by the settings alone.
    "live_agent.restoring": Room(
        (
            *DOORS,
            *environment("schema", "watching", "database", "catalog", "access", "settings"),
        ),
        ("msgspec", "sqlalchemy"),
    ),
    # It hands the settings the session of its own transaction, as a request does.
    "live_agent.founding": Room(
        (*DOORS, *environment("schema", "database", "access", "settings")), ("sqlalchemy",)
    ),
    # It reads the outbox and is counted into; it knows nobody who counts.
    "live_agent.metrics": Room(DOORS, ("prometheus_client",)),
    # It asks the trail as a reader does, and acts as whoever asked for the file; requests hand it out.
    "live_agent.exporting": Room(
        (*DOORS, *environment("schema", "database", "catalog", "settings.exports")),
        ("litestar", "msgspec", "sqlalchemy"),
    ),
    "live_agent.services": Room(
        (*DOORS, *environment("database", "attempts", "metrics", "exporting.shelf")), ("msgspec",)
    ),
    "live_agent.pace": Room(environment("errors"), pure=True),
    # Why a change is made comes with the request, and is checked like any other field.
    "live_agent.gate": Room(
        (
            *DOORS,
            *environment("schema", "database", "attempts", "access", "services", "pace"),
            "live_agent.settings.reasons",
        ),
        ("litestar", "msgspec", "sqlalchemy"),
    ),
    "live_agent.entrance": Room(
        (*DOORS, *environment("schema", "database", "attempts", "access", "services", "gate")),
        ("litestar", "msgspec"),
    ),
    "live_agent.api": Room((*DOORS, *UNDER_EDGES), ("litestar", "msgspec", "sqlalchemy")),
    "live_agent.pages": Room(
        (*DOORS, *UNDER_EDGES), ("jinja2", "litestar", "msgspec", "sqlalchemy")
    ),
    "live_agent.observing": Room((*DOORS, *environment("metrics")), ("litestar",)),
    "live_agent.operating": Room(
        (*DOORS, *environment("schema", "database", "metrics", "services", "gate")),
        ("litestar", "prometheus_client", "sqlalchemy"),
    ),
    # It asks the trail as a reader does, and knows receivers by their URLs alone.
    "live_agent.telling": Room(
        (*DOORS, *environment("schema", "database", "catalog")), ("msgspec", "sqlalchemy")
    ),
    "live_agent.app": Room(
        (
            *COMPOSITION,
            *UNDER_EDGES,
            *EDGES,
            *environment("watching", "places", "observing", "operating", "telling"),
        ),
        ("jinja2", "litestar", "msgspec", "sqlalchemy"),
    ),
    "live_agent.site": Room(environment("app", "pages", "services"), ("litestar",)),
    "live_agent.environment": Room((*COMPOSITION, *environment("places"))),
    # It asks the trail beside a server, and signs the entry of an export as the server does.
    "live_agent.auditing": Room(
        (
            *COMPOSITION,
            *environment("schema", "watching", "database", "catalog", "places"),
            *environment("environment"),
        ),
        ("msgspec", "rich", "typer"),
    ),
    # What is restored begins a new epoch.
    "live_agent.backup": Room(COMPOSITION, ("msgspec",)),
    "live_agent.logs": Room((*DOORS, *engine("logs"))),
    "live_agent.demo": Room(
        (
            *COMPOSITION,
            *engine("serving"),
            *UNDER_EDGES,
            *environment("founding", "app", "site"),
        ),
        ("httpx2", "msgspec", "rich"),
    ),
    "live_agent.cli": Room(
        (
            *COMPOSITION,
            *UNDER_EDGES,
            *EDGES,
            *environment("watching", "places", "installing", "founding", "app", "site"),
            *engine("serving"),
            *environment("demo", "logs", "backup"),
            *engine("retaining"),
            *environment("auditing", "environment"),
        ),
        ("msgspec", "rich", "typer"),
    ),
}
PACKAGES = {room.split(".")[0] for room in MAP}

# A pure room is the same today and tomorrow, here and there: no clock, chance, socket or file.
CLOCKS_AND_CHANCE = {"random", "secrets", "time", "uuid"}
SOCKETS = {"asyncio", "http", "select", "selectors", "socket", "socketserver", "ssl", "urllib"}
FILES = {"glob", "importlib", "io", "mmap", "os", "pathlib", "shutil", "tempfile", "zoneinfo"}
WORLD = {"locale", "logging", "platform", "signal", "sqlite3", "subprocess"}
THREADS = {"concurrent", "multiprocessing", "queue", "threading"}
IMPURE_MODULES = CLOCKS_AND_CHANCE | SOCKETS | FILES | WORLD | THREADS
IMPURE_NAMES = {"eval", "exec", "input", "open", "print"}
IMPURE_ATTRIBUTES = {"now", "today", "utcnow"}
# An import by a computed name is one that this map can't see.
UNSEEN_IMPORTS = {"__import__", "import_module"}


class Module(NamedTuple):
    """One source file, read once."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def package(self) -> str:
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]


Check = Callable[[Sequence[Module]], list[str]]


def modules_in(folder: Path) -> list[Module]:
    """Every Python file below `folder`, named by its path."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        text = path.read_text(encoding="utf-8")
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path, ast.parse(text), len(text.splitlines())))
    return found


def imported_by(module: Module) -> Iterator[tuple[str, str]]:
    """Each import as (module, name); lazy and type-only ones are edges like any other."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.package.split(".")
            stem = above[: len(above) - node.level + 1] if node.level else []
            source = ".".join([*stem, *filter(None, [node.module])])
            yield from ((source, alias.name) for alias in node.names)


def edges(module: Module, known: set[str]) -> Iterator[tuple[str, str]]:
    """Imports as (module, name), where a name that is itself a module of ours counts as one."""
    for source, name in imported_by(module):
        deeper = f"{source}.{name}"
        yield (deeper, "") if deeper in known else (source, name)


def room_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def ours(name: str) -> bool:
    return name.split(".")[0] in PACKAGES


def unmapped_rooms(modules: Sequence[Module]) -> list[str]:
    present = {room_of(module.name) for module in modules if "." in module.name}
    missing = [f"{room} is on the map, but not in the source" for room in MAP.keys() - present]
    return sorted(missing + [f"{room} is not on the map" for room in present - MAP.keys()])


def forbidden_edges(modules: Sequence[Module]) -> list[str]:
    known = {module.name for module in modules}
    found = []
    for module in modules:
        me = room_of(module.name)
        allowed = (me, *MAP[me].may_import) if me in MAP else ()
        for target in sorted({target for target, _ in edges(module, known)}):
            if ours(target) and not any(within(target, prefix) for prefix in allowed):
                found.append(f"{module.name} imports {target}")
    return found


def private_edges(modules: Sequence[Module]) -> list[str]:
    known = {module.name for module in modules}
    return [
        f"{module.name} imports the private {target}.{name}".rstrip(".")
        for module in modules
        for target, name in edges(module, known)
        if ours(target) and room_of(target) != room_of(module.name)
        if any(part.startswith("_") for part in f"{target}.{name}".split("."))
    ]


def forbidden_packages(modules: Sequence[Module]) -> list[str]:
    found = []
    for module in modules:
        room = MAP.get(room_of(module.name), Room())
        for source in {source.split(".")[0] for source, _ in imported_by(module)}:
            if not (source in sys.stdlib_module_names or ours(source) or source in room.packages):
                found.append(f"{module.name} imports the package {source}")
    return found


def unseen_imports(modules: Sequence[Module]) -> list[str]:
    return [
        f"{module.name} imports by a computed name: {name}"
        for module in modules
        for name in names_used(module, UNSEEN_IMPORTS, UNSEEN_IMPORTS)
    ]


def names_used(module: Module, names: set[str], attributes: set[str]) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in attributes:
            yield node.attr
        elif isinstance(node, ast.alias) and node.name in names | attributes:
            yield node.name


def impurities(modules: Sequence[Module]) -> list[str]:
    found = []
    for module in modules:
        room = MAP.get(room_of(module.name), Room())
        if not room.pure:
            continue
        sources = {source.split(".")[0] for source, _ in imported_by(module)} - {*room.permitted}
        found += [f"{module.name} imports {name}" for name in sorted(sources & IMPURE_MODULES)]
        used = names_used(module, IMPURE_NAMES, IMPURE_ATTRIBUTES)
        found += [f"{module.name} uses {name}" for name in used]
    return found


def cycles(modules: Sequence[Module]) -> list[str]:
    known = {module.name for module in modules}
    graph = {
        module.name: {target for target, _ in edges(module, known)} & known - {module.name}
        for module in modules
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" <- ".join(error.args[1])]
    return []


def long_bodies(modules: Sequence[Module]) -> list[str]:
    found = []
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.body[0].lineno + 1
                if lines > BODY_LIMIT_LINES:
                    found.append(f"{module.name}.{node.name} has a body of {lines} lines")
    return found


def long_files(modules: Sequence[Module]) -> list[str]:
    return [
        f"{module.name} has {module.lines} lines"
        for module in modules
        if module.lines > FILE_LIMIT_LINES
    ]


def empty_names(modules: Sequence[Module]) -> list[str]:
    return [
        f"{module.name} has a name that says nothing"
        for module in modules
        if EMPTY_NAMES & {part.strip("_") for part in module.name.split(".")}
    ]


def deep_folders(modules: Sequence[Module]) -> list[str]:
    return [
        f"{module.name} lies deeper than {FOLDER_LIMIT} folders below its package"
        for module in modules
        if len(module.package.split(".")) - 1 > FOLDER_LIMIT
    ]


SOURCE = modules_in(SRC)
# Tests and benches are read by people too, so what is said of size and names holds for them.
EVERYTHING = [*SOURCE, *modules_in(ROOT / "tests"), *modules_in(ROOT / "bench")]


def test_the_map_names_every_room() -> None:
    assert unmapped_rooms(SOURCE) == []


def test_rooms_only_look_down() -> None:
    assert forbidden_edges(SOURCE) == []


def test_rooms_meet_by_public_names() -> None:
    assert private_edges(SOURCE) == []


def test_rooms_use_only_their_packages() -> None:
    assert forbidden_packages(SOURCE) == []


def test_django_is_needed_by_its_adapter_alone() -> None:
    adapter = "audit_trail.capture.django"
    others = [module for module in SOURCE if not within(module.name, adapter)]
    imported = {(module.name, source) for module in others for source, _ in imported_by(module)}
    assert [
        pair for pair in sorted(imported) if within(pair[1], "django") or within(pair[1], adapter)
    ] == []


def test_no_import_hides_from_the_map() -> None:
    assert unseen_imports(SOURCE) == []


def test_pure_rooms_have_no_clock_chance_socket_or_file() -> None:
    assert impurities(SOURCE) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycles(SOURCE) == []


def test_no_function_is_longer_than_a_screen() -> None:
    assert long_bodies(EVERYTHING) == []


def test_no_file_is_too_long_to_know() -> None:
    assert long_files(EVERYTHING) == []


def test_every_module_bears_a_name_that_says_something() -> None:
    assert empty_names(EVERYTHING) == []


def test_no_folder_is_deeper_than_two() -> None:
    assert deep_folders(SOURCE) == []
