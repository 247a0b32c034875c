"""The `audit-trail` command: it reads arguments and environment, and composes the rest.

What a command needs is imported inside it, so that `--help` answers at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from audit_trail.cli.operating import administrators, keys, run, serve
from audit_trail.cli.options import DatabaseUrl, SigningFolder, Store
from audit_trail.cli.retaining import retentions

UNREADABLE: Final = 3

app = typer.Typer(
    name="audit-trail",
    help="Audit trails of any application: who did what, where, and when.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
capture = typer.Typer(help="What an application's database records.", no_args_is_help=True)
app.add_typer(capture, name="capture")
app.add_typer(administrators, name="administrator")
app.add_typer(keys, name="key")
app.add_typer(retentions, name="retention")
app.command("run")(run)
app.command("serve")(serve)

Account = Annotated[str, typer.Option(help="Whose trail.")]
Email = Annotated[str, typer.Option("--subject", help="The person's e-mail.")]
Names = Annotated[list[str] | None, typer.Option("--name", help="A name of theirs.")]
Terms = Annotated[
    list[str] | None,
    typer.Option("--term", help="What else names them, such as an address or a phone number."),
]
User = Annotated[
    str | None, typer.Option("--user", help="Their id, to find all that they did themselves.")
]
Heads = Annotated[
    Path | None,
    typer.Option(
        envvar="AUDIT_TRAIL_HEADS",
        help="The file of signed heads; signing.key lies beside it. By default beside an SQLite file.",
    ),
]
OutboxDatabase = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="AUDIT_TRAIL_DATABASE_URL",
        help="The application's database, as the owner of its outbox: that is wiped, too.",
    ),
]


@capture.command("sync")
def sync(
    database_url: DatabaseUrl,
) -> None:
    """Make the triggers match the watch list that is kept beside the outbox."""
    from audit_trail.cli.capture import sync_capture

    synced = sync_capture(database_url)
    for name in synced.changed:
        typer.echo(f"changed: {name}")
    typer.echo(f"The triggers of {synced.tables} tables in {synced.name} are as generated.")


@app.command("attach")
def attach(
    database_url: DatabaseUrl,
    config: Annotated[Path, typer.Option(help="The file that says what is recorded.")] = Path(
        "capture.toml"
    ),
    draft: Annotated[
        Path | None,
        typer.Option(
            help="Write such a file to begin with, by what the tables look like; attach nothing."
        ),
    ] = None,
) -> None:
    """Record the changes of an application that knows nothing of us, as a file says."""
    from audit_trail.cli import attaching

    for line in (
        attaching.draft(database_url, draft) if draft else attaching.attach(database_url, config)
    ):
        typer.echo(line)


@app.command("detach")
def detach(
    database_url: DatabaseUrl,
    discard: Annotated[
        bool, typer.Option(help="Lose what waits in the outbox, and say how much that was.")
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="AUDIT_TRAIL_STORE_URL", help="The trail that is told of it, by an entry."
        ),
    ] = None,
    signing: SigningFolder = None,
    reason: Annotated[str | None, typer.Option(help="Why; the trail keeps it.")] = None,
) -> None:
    """Take everything of ours out of an application's database; its own tables stay as they are."""
    from audit_trail.cli import attaching

    asked = attaching.Detaching(
        database=database_url, discard=discard, store=store, signing=signing, reason=reason
    )
    for line in attaching.detach(asked):
        typer.echo(line)


class _Verifier(TyperCommand):
    """A command whose exit codes speak of what it looked at: a wrong use must not look like a verdict."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _usage_as_unreadable():
            return super().make_context(*args, **options)

    def invoke(self, *args: Any) -> Any:
        with _usage_as_unreadable():
            return super().invoke(*args)


@contextmanager
def _usage_as_unreadable() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "message"):
            error.exit_code = UNREADABLE
        raise


@app.command("verify", cls=_Verifier)
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="The evidence file; or give --store.", show_default=False)
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="AUDIT_TRAIL_STORE_URL",
            help="A trail's database to walk: sqlite:////path/to/file, or postgresql://..., which is "
            "better left to the environment.",
        ),
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option(help="Of a store: only this account, or these.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A verifier key that you know to be the trail's.")
    ] = None,
    key_file: Annotated[
        list[Path] | None, typer.Option(help="A file of such keys, one a line.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint from before, which nothing may contradict."),
    ] = None,
    heads: Annotated[
        Path | None,
        typer.Option(help="Of a store: its file of signed heads, where it isn't beside it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    quiet: Annotated[bool, typer.Option(help="Print nothing; the exit code tells.")] = False,
) -> None:
    """Verify an evidence file offline, or walk a trail's database.

    Exits with 0 whole, 1 tampered, 2 undecided, 3 unreadable.
    """
    keys, key_files, checkpoints = key or (), key_file or (), checkpoint or ()
    source = context.get_parameter_source("store")
    if file and source and source.name == "ENVIRONMENT":
        store = None
    if (file is None) == (store is None):
        raise typer.BadParameter("Give an evidence file, or --store, and not both.")
    if store is not None:
        from audit_trail.cli.inspecting import print_store_verdict, verify_store

        walked = verify_store(
            store, account or (), keys, key_files, checkpoints, heads, is_quiet=quiet
        )
        if not quiet:
            print_store_verdict(walked, as_json=as_json)
        raise typer.Exit(walked.exit_code)
    from audit_trail.cli.verifying import print_verdict, verify_file

    if account or heads or len(checkpoints) > 1 or file is None:
        raise typer.BadParameter(
            "An evidence file takes one --checkpoint, no --account or --heads."
        )
    earlier = checkpoints[0] if checkpoints else None
    verdict = verify_file(file, keys, key_files, earlier, is_quiet=quiet)
    if not quiet:
        print_verdict(verdict, as_json=as_json)
    raise typer.Exit(verdict.exit_code)


@app.command("coverage", cls=_Verifier)
def coverage(
    database_url: Annotated[
        str,
        typer.Argument(
            envvar="AUDIT_TRAIL_DATABASE_URL",
            help="The application's database, on PostgreSQL as the capture role or a member of it. "
            "Where the URL holds a password, leave it to the environment.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what is recorded of a database and what isn't: tables, triggers, ways to write.

    Exits with 0 complete, 1 gaps, 3 can't be told.
    """
    from audit_trail.cli.coverage import coverage_of, print_coverage
    from audit_trail.errors import AuditError

    try:
        found = coverage_of(database_url)
    except AuditError as error:
        typer.echo(f"audit-trail: {error}", err=True)
        raise typer.Exit(UNREADABLE) from None
    print_coverage(found, as_json=as_json)
    raise typer.Exit(found.exit_code)


@app.command("reconcile", cls=_Verifier)
def reconcile(
    database_url: Annotated[
        str,
        typer.Argument(
            envvar="AUDIT_TRAIL_DATABASE_URL",
            help="The application's database, on PostgreSQL as the capture role or a member of it. "
            "Where the URL holds a password, leave it to the environment.",
        ),
    ],
    store: Store,
    table: Annotated[list[str] | None, typer.Option(help="Only this table, or these.")] = None,
    most: Annotated[int, typer.Option(min=0, help="How many differences are named.")] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold a database's watched tables against what their entries imply, row by row.

    Exits with 0 agree, 1 differ, 2 undecided, 3 can't be told.
    """
    from audit_trail.cli import reconciling
    from audit_trail.errors import AuditError

    try:
        report = reconciling.reconcile(database_url, store, table or (), most)
    except AuditError as error:
        typer.echo(f"audit-trail: {error}", err=True)
        raise typer.Exit(UNREADABLE) from None
    reconciling.print_report(report, as_json=as_json)
    raise typer.Exit(report.exit_code)


@app.command("evidence")
def evidence(
    store: Store,
    account: Account,
    out: Annotated[Path, typer.Option(help="The file to write; it must not be there.")],
    first: Annotated[int | None, typer.Option(min=0, help="First index; 0 if not given.")] = None,
    last: Annotated[
        int | None, typer.Option(min=0, help="Last index; the newest if not given.")
    ] = None,
    entry: Annotated[int | None, typer.Option(min=0, help="The only index.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint from before, to show that nothing was removed."),
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only entries about this, such as inbox.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only what happened then or later, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only what happened until then, UTC.")
    ] = None,
    person: Annotated[
        str | None, typer.Option(help="Only entries of whose e-mail or name this is a part.")
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="Only entries that this question finds, as in a search box.")
    ] = None,
    zone: Annotated[str, typer.Option(help="The IANA time zone of its days and times.")] = "UTC",
    without: Annotated[
        list[str] | None, typer.Option(help="A sealed part to withhold: who, or what.")
    ] = None,
) -> None:
    """Write an evidence file: one entry, a range of indexes, or all that is signed.

    All public parts of the range are in it; names and values only of the entries asked for.
    """
    from audit_trail.cli.evidence import (
        asked,
        condition_of,
        disclosed,
        read_checkpoint,
        write_evidence,
    )
    from audit_trail.evidence import Wanted, questioned

    if entry is not None and (first is not None or last is not None):
        raise typer.BadParameter("--entry is a range of its own: give no --first or --last.")
    first, last = (first or 0, last) if entry is None else (entry, entry)
    wanted = Wanted(
        account=account,
        first=first,
        last=last,
        query=asked(type_ or (), since, until, person),
        parts=disclosed(without or ()),
        earlier=read_checkpoint(checkpoint) if checkpoint else None,
    )
    if query:
        wanted = questioned(wanted, condition_of(query, zone), query, zone)
    said = write_evidence(store, wanted, out)
    typer.echo(said)


@app.command("erase")
def erase(
    store: Store,
    account: Account,
    email: Email,
    reason: Annotated[str, typer.Option(help="Why; the trail keeps it, so don't name them.")] = "",
    ticket: Annotated[str | None, typer.Option(help="The case that asked for it.")] = None,
    name: Names = None,
    term: Terms = None,
    user: User = None,
    heads: Heads = None,
    database: OutboxDatabase = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show only what would go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Erase a person's data from an account's entries; an entry says that, and proofs stand."""
    from audit_trail.cli import person

    if not reason and not dry_run:
        raise typer.BadParameter("An erasure needs a --reason.")
    if as_json and not (yes or dry_run):
        raise typer.BadParameter("--json asks nothing, so it needs --yes or --dry-run.")
    asked = _asked(store, account, heads, email, name, term, user)
    if not yes or dry_run:
        found = person.look(asked)
        typer.echo(person.as_json(found) if as_json else "\n".join(person.told(found)))
        if dry_run or not found.entries:
            return
        _require_typed(email)
    erased = person.erase_person(asked, reason, ticket)
    outbox = person.wipe_outbox(database) if database else None
    if as_json:
        typer.echo(person.as_json(erased.found, erased, outbox))
        return
    typer.echo(person.outcome(erased))
    if outbox is not None:
        typer.echo(person.OUTBOX_WIPED[outbox])


@app.command("subject")
def subject(
    store: Store,
    account: Account,
    email: Email,
    out: Annotated[Path, typer.Option(help="The file to write; it must not be there.")],
    name: Names = None,
    term: Terms = None,
    user: User = None,
    heads: Heads = None,
) -> None:
    """Write what an account's entries hold of a person, a line of JSON for each; an entry notes it."""
    from audit_trail.cli import person

    count = person.copy_person(_asked(store, account, heads, email, name, term, user), out)
    typer.echo(f"{out}: {count:,} {'entry holds' if count == 1 else 'entries hold'} their data.")


@app.command("wipe")
def wipe(store: Store, database: OutboxDatabase = None) -> None:
    """Let no byte of what was erased stay in the files; on PostgreSQL as the owner of the tables."""
    from audit_trail.cli import person

    wiped = person.wipe_store(store)
    typer.echo(person.WIPED[wiped])
    is_done = wiped == "done"
    if database:
        is_empty = person.wipe_outbox(database)
        typer.echo(person.OUTBOX_WIPED[is_empty])
        is_done = is_done and is_empty
    if not is_done:
        raise typer.Exit(1)


@app.command("index")
def index(
    store: Store,
    account: Annotated[
        list[str] | None, typer.Option(help="Only of this account, or of these.")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Throw it away and make it anew.")
    ] = False,
) -> None:
    """Bring the search index up to date; a server does so by itself."""
    from audit_trail.cli.indexing import index_store

    typer.echo(index_store(store, account or (), rebuild=rebuild))


def _asked(
    store: str,
    account: str,
    heads: Path | None,
    email: str,
    names: list[str] | None,
    terms: list[str] | None,
    user: str | None,
) -> Any:
    from audit_trail.cli.person import Asked, subject_of

    subject = subject_of(email, names or (), terms or (), user)
    return Asked(store=store, account=account, heads=heads, subject=subject)


def _require_typed(email: str) -> None:
    if typer.prompt("Type the e-mail to erase it").strip() != email:
        typer.echo("This isn't the e-mail; nothing was erased.", err=True)
        raise typer.Exit(1)


def main() -> None:
    """Run the command; what is ours to explain goes to standard error, with exit code 1."""
    from audit_trail.errors import AuditError

    try:
        app()
    except AuditError as error:
        typer.echo(f"audit-trail: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
