"""The `audit-trail` command: it reads arguments and environment, and composes the rest.

What a command needs is imported inside it, so that `--help` answers at once.
"""

from typing import Annotated

import typer

app = typer.Typer(
    name="audit-trail",
    help="Audit trails of any application: who did what, where, and when.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
capture = typer.Typer(help="What an application's database records.", no_args_is_help=True)
app.add_typer(capture, name="capture")


@capture.command("sync")
def sync(
    database_url: Annotated[
        str,
        typer.Argument(
            envvar="AUDIT_TRAIL_DATABASE_URL",
            help="The application's database, as the owner of its tables. Where the URL holds a "
            "password, leave it to the environment.",
        ),
    ],
) -> None:
    """Make the triggers match the watch list that is kept beside the outbox."""
    from audit_trail.cli.capture import sync_capture

    synced = sync_capture(database_url)
    for name in synced.changed:
        typer.echo(f"changed: {name}")
    typer.echo(f"The triggers of {synced.tables} tables in {synced.name} are as generated.")


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
