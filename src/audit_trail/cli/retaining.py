"""The commands of `audit-trail retention`: how long entries are kept, and what is held.

What a command needs is imported inside it, so that `--help` answers at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from audit_trail.cli.options import SigningFolder, Store

retentions = typer.Typer(help="How long entries are kept.", no_args_is_help=True)

Account = Annotated[str, typer.Option(help="Whose trail; 0 is the installation's own.")]
Reason = Annotated[str, typer.Option(help="Why; the trail keeps it.")]
Ticket = Annotated[str | None, typer.Option(help="The case that asked for it.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, in UTC.")]


@retentions.command("show")
def show(account: Account, store: Store, signing: SigningFolder = None) -> None:
    """Print for how long entries are kept, the legal holds with their ids, and where the trail begins."""
    with _retaining(store, signing) as retaining:
        for line in retaining.shown(account):
            typer.echo(line)


@retentions.command("set")
def change(
    account: Account,
    days: Annotated[int, typer.Option(help="From 90 to 36,500.")],
    reason: Reason,
    store: Store,
    ticket: Ticket = None,
    signing: SigningFolder = None,
) -> None:
    """Keep entries for so many days: more count at once, fewer after 24 hours."""
    with _retaining(store, signing) as retaining:
        typer.echo(retaining.change(account, days, reason, ticket))


@retentions.command("hold")
def hold(
    account: Account,
    reason: Reason,
    store: Store,
    record: Annotated[
        str | None, typer.Option(help="As product:12, or product for every one.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="As user:7, or user for everyone.")] = None,
    since: Day = None,
    until: Day = None,
    ticket: Ticket = None,
    signing: SigningFolder = None,
) -> None:
    """Keep the entries that fit all that is named, until the hold is lifted; its id is printed."""
    from audit_trail.retaining import named

    fits = named(record, actor, since, until)
    with _retaining(store, signing) as retaining:
        typer.echo(retaining.place(account, reason, ticket, **fits))


@retentions.command("lift")
def lift(
    hold_id: Annotated[str, typer.Argument(help="The id that `hold` and `show` print.")],
    account: Account,
    reason: Reason,
    store: Store,
    ticket: Ticket = None,
    signing: SigningFolder = None,
) -> None:
    """Lift a legal hold: the next run drops what it held and is old enough."""
    with _retaining(store, signing) as retaining:
        typer.echo(retaining.lift(account, hold_id, reason, ticket))


@retentions.command("run")
def run(
    store: Store,
    account: Annotated[str | None, typer.Option(help="One account; without it, all.")] = None,
    signing: SigningFolder = None,
) -> None:
    """Drop expired entries now, as `audit-trail run` does once a day; that may run meanwhile."""
    with _retaining(store, signing) as retaining:
        for line in retaining.run(account):
            typer.echo(line)


@contextmanager
def _retaining(store_url: str, folder: Path | None) -> Iterator[Any]:
    from contextlib import closing

    from audit_trail.cli.signing import signing_in
    from audit_trail.cli.store import open_store
    from audit_trail.retaining import retaining

    with (
        closing(open_store(store_url, writes=True)) as store,
        retaining(store, signing_in(store_url, folder)) as opened,
    ):
        yield opened
