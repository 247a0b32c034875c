"""The commands that work for any watched database: run, serve, and who may read.

What a command needs is imported inside it, so that `--help` answers at once.
"""

import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from audit_trail.cli.options import DatabaseUrl, LogFormat, SigningFolder, Store

administrators = typer.Typer(help="Who may read the trail in `serve`.", no_args_is_help=True)
keys = typer.Typer(help="The key that signs the trail.", no_args_is_help=True)

Data = Annotated[
    Path | None,
    typer.Option(
        envvar="AUDIT_TRAIL_DATA",
        help="The folder of the administrators' database. By default beside an SQLite trail.",
    ),
]
Email = Annotated[str, typer.Argument(help="The e-mail that they sign in with.")]
PasswordStdin = Annotated[
    bool, typer.Option(help="Read the password from standard input, not from the terminal.")
]


def run(
    database_url: DatabaseUrl,
    store: Store,
    signing: SigningFolder = None,
    once: Annotated[
        bool, typer.Option("--once", help="Work off what is there, and exit with 0.")
    ] = False,
    shared: Annotated[
        bool, typer.Option("--shared", help="Let the trail hold what other databases record, too.")
    ] = False,
    log_format: LogFormat = "auto",
) -> None:
    """Sequence what a watched database records into its trail, and look after the trail.

    Several may run for one database: one works, the others stand by.
    """
    import signal
    from threading import Event

    from audit_trail.cli.running import Asked, running
    from audit_trail.logs import configure_logs

    configure_logs(log_format, sys.stderr)
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    asked = Asked(database=database_url, store=store, signing=signing, shared=shared)
    with running(asked) as work:
        if once:
            work.once()
        else:
            work.until(stop)


def serve(
    store: Store,
    data: Data = None,
    host: Annotated[
        str, typer.Option(envvar="AUDIT_TRAIL_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(envvar="AUDIT_TRAIL_PORT", min=0, max=65535, help="0 takes any free port."),
    ] = 8100,
    secure_cookies: Annotated[
        bool,
        typer.Option(
            envvar="AUDIT_TRAIL_SECURE_COOKIES",
            help="Set it when people reach the server by https.",
        ),
    ] = False,
    trusted_proxies: Annotated[
        str,
        typer.Option(
            envvar="AUDIT_TRAIL_TRUSTED_PROXIES",
            help="Addresses and networks, with commas between them, whose X-Forwarded-For is believed.",
        ),
    ] = "",
    log_format: LogFormat = "auto",
) -> None:
    """Show a trail to its administrators: the page Audit Logs, and the API of its entries."""
    from audit_trail import serving
    from audit_trail.capture.proxies import trusted
    from audit_trail.logs import configure_logs
    from audit_trail.standalone.app import create_standalone

    configure_logs(log_format, sys.stderr)
    with _opened(store, data) as (trail, known):
        made = create_standalone(
            trail,
            known,
            secure_cookies=secure_cookies,
            trusted_proxies=trusted(trusted_proxies.split(",")),
        )
        serving.run(made.app, host, port, lambda url: typer.echo(f"Audit Logs: {url}"), made.close)
    serving.leave()


@administrators.command("add")
def add(
    email: Email,
    store: Store,
    account: Annotated[
        list[str] | None, typer.Option(help="An account whose trail they may read.")
    ] = None,
    all_accounts: Annotated[
        bool,
        typer.Option("--all-accounts", help="Every trail, the installation's own included."),
    ] = False,
    password_stdin: PasswordStdin = False,
    data: Data = None,
) -> None:
    """Let somebody read the trails of some accounts, or of all."""
    from audit_trail.cli.administering import add_administrator

    if bool(account) == all_accounts:
        raise typer.BadParameter("Give --account, once or more, or --all-accounts, and not both.")
    with _opened(store, data) as (trail, known):
        accounts = None if all_accounts else account
        add_administrator(trail, known, email, accounts, lambda: _password(password_stdin))
    typer.echo(f"{email} may sign in.")


@administrators.command("list")
def list_all(store: Store, data: Data = None) -> None:
    """Print the administrators: e-mail, since when, and the accounts they may read."""
    from audit_trail.standalone.administrators import all_of

    with _opened(store, data) as (_, known), known.reading() as db:
        for each in all_of(db):
            accounts = "all accounts" if each.accounts is None else ", ".join(each.accounts)
            typer.echo(f"{each.email} {_time(each.created_at)} {accounts}")


@administrators.command("remove")
def remove(email: Email, store: Store, data: Data = None) -> None:
    """Take the right to read from somebody; their sessions end at once."""
    from audit_trail.cli.administering import remove_administrator

    with _opened(store, data) as (trail, known):
        remove_administrator(trail, known, email)
    typer.echo(f"{email} is removed.")


@administrators.command("password")
def set_password(
    email: Email, store: Store, password_stdin: PasswordStdin = False, data: Data = None
) -> None:
    """Give an administrator a new password; their sessions end."""
    from audit_trail.cli.administering import change_password

    with _opened(store, data) as (trail, known):
        change_password(trail, known, email, lambda: _password(password_stdin))
    typer.echo("The password is set.")


@keys.command("list")
def list_keys(store: Store) -> None:
    """Print the trail's public keys as verifier keys, and from when on each has signed."""
    from contextlib import closing

    from audit_trail.cli.store import open_store
    from audit_trail.signing.keys import trail_key

    with closing(open_store(store)) as opened:
        for key in opened.public_keys():
            typer.echo(f"{_time(key.since_us)} {key.name} {trail_key(key).text}")


@keys.command("rotate")
def rotate_key(database_url: DatabaseUrl, store: Store, signing: SigningFolder = None) -> None:
    """Sign with another key from the next start of run on: a new one, or that of the environment."""
    with _at_rest(database_url, store, signing) as (opened, kept):
        key = kept.rotate(opened)
    typer.echo(f"The next start signs with {b64encode(key.public).decode()}.")


@keys.command("begin-epoch")
def begin_epoch(
    database_url: DatabaseUrl,
    store: Store,
    reason: Annotated[str, typer.Option(help="What happened; each account's trail will say so.")],
    signing: SigningFolder = None,
) -> None:
    """Sign the trail as it is, under a new name, although it lacks what was signed before."""
    with _at_rest(database_url, store, signing) as (opened, kept):
        key = kept.begin_epoch(opened, reason)
    typer.echo(f"The next start signs as {key.name} with {b64encode(key.public).decode()}.")


@contextmanager
def _at_rest(database_url: str, store_url: str, signing: Path | None) -> Iterator[tuple[Any, Any]]:
    """Open the trail, and what signs it, while no run leads: it would go on with the key before."""
    from contextlib import closing

    from audit_trail.capture.sqlalchemy import outbox
    from audit_trail.cli.database import open_database
    from audit_trail.cli.signing import signing_in
    from audit_trail.cli.store import open_store

    with (
        open_database(database_url) as engine,
        outbox(engine).leading(),
        closing(open_store(store_url, writes=True)) as store,
    ):
        yield store, signing_in(store_url, signing)


@contextmanager
def _opened(store_url: str, data: Path | None) -> Iterator[tuple[Any, Any]]:
    """Open the trail, without a key, and the administrators."""
    from contextlib import closing

    from audit_trail.cli.store import open_store
    from audit_trail.standalone.administrators import Administrators
    from audit_trail.trail import Trail

    with closing(open_store(store_url, writes=True)) as store:
        yield Trail(store), Administrators(data or _beside(store_url))


def _beside(store_url: str) -> Path:
    from audit_trail.capture.url import is_postgresql, name_of, read_url

    url = read_url(store_url)
    if is_postgresql(url):
        raise typer.BadParameter(
            "This trail lies on a server, so say by --data or AUDIT_TRAIL_DATA in which folder the "
            "administrators are kept."
        )
    return Path(name_of(url)).parent


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")


def _password(from_stdin: bool) -> str:
    from audit_trail.errors import AdministratorRefused

    if not from_stdin:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise AdministratorRefused("The password must be text in UTF-8.") from None
