"""The `live-agent` command: it reads arguments and environment, and composes the rest.

What a command needs is imported inside it, so that `--help` answers at once.
"""

import os
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from live_agent.auditing.command import app as audits
from live_agent.environment import places_of, signing_of

app = typer.Typer(
    name="live-agent",
    help="Live Agent with Settings > Audit Logs: who did what, where, and when.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
accounts = typer.Typer(help="Accounts of this installation.", no_args_is_help=True)
users = typer.Typer(help="People and their roles.", no_args_is_help=True)
tokens = typer.Typer(
    help="Access tokens that read one account's audit trail, and nothing else.",
    no_args_is_help=True,
)
keys = typer.Typer(help="The key that signs the trail.", no_args_is_help=True)
databases = typer.Typer(help="The database and its triggers.", no_args_is_help=True)
retentions = typer.Typer(help="How long entries are kept.", no_args_is_help=True)
app.add_typer(accounts, name="account")
app.add_typer(retentions, name="retention")
app.add_typer(users, name="user")
app.add_typer(tokens, name="token")
app.add_typer(databases, name="database")
app.add_typer(keys, name="key")
app.add_typer(audits, name="audit")

Data = Annotated[
    Path,
    typer.Option("--data", envvar="LIVE_AGENT_DATA", help="Directory with the two databases."),
]
Account = Annotated[str, typer.Option(help="The account's id; 0 is the installation's own trail.")]
Reason = Annotated[str, typer.Option(help="Why; the trail keeps it.")]
Ticket = Annotated[str | None, typer.Option(help="The case that asked for it.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, in UTC.")]
Host = Annotated[str, typer.Option(envvar="LIVE_AGENT_HOST", help="Address to listen on.")]
Port = Annotated[
    int, typer.Option(envvar="LIVE_AGENT_PORT", min=0, max=65535, help="0 takes any free port.")
]

PasswordStdin = Annotated[
    bool, typer.Option(help="Read the password from standard input, not from the terminal.")
]


@app.command()
def demo(
    data: Annotated[
        Path, typer.Option("--data", help="Directory for the demo's data; kept and continued.")
    ] = Path("live-agent-data/demo"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8000,
) -> None:
    """Start with a demo account: some weeks of activity, and three sign-ins."""
    from audit_trail import serving
    from live_agent.demo.command import start_demo

    start_demo(data, host, port, _print)
    serving.leave()


@app.command()
def serve(
    data: Data = Path("live-agent-data"),
    host: Host = "127.0.0.1",
    port: Port = 8000,
    secure_cookies: Annotated[
        bool,
        typer.Option(
            envvar="LIVE_AGENT_SECURE_COOKIES",
            help="Set when people reach the server by https, as through a proxy.",
        ),
    ] = False,
    trusted_proxies: Annotated[
        str,
        typer.Option(
            envvar="LIVE_AGENT_TRUSTED_PROXIES",
            help="Addresses and networks, comma-separated, whose X-Forwarded-For is believed.",
        ),
    ] = "",
    url: Annotated[
        str,
        typer.Option(
            envvar="LIVE_AGENT_URL",
            help="Where people reach the server, such as https://support.example; for links it sends.",
        ),
    ] = "",
    webhooks_to_private_networks: Annotated[
        bool,
        typer.Option(
            envvar="LIVE_AGENT_WEBHOOKS_TO_PRIVATE_NETWORKS",
            help="Let the webhooks of saved views reach this machine and private networks.",
        ),
    ] = False,
    coverage_seconds: Annotated[
        float,
        typer.Option(
            envvar="LIVE_AGENT_COVERAGE_SECONDS",
            min=1,
            max=86_400,
            help="How often the server looks whether every change is still recorded.",
        ),
    ] = 60,
    reconcile_hours: Annotated[
        float,
        typer.Option(
            envvar="LIVE_AGENT_RECONCILE_HOURS",
            min=0,
            max=8_760,
            help="How often the server holds the tables against the trail; 0 is never.",
        ),
    ] = 24,
    log_format: Annotated[
        Literal["auto", "json", "console"],
        typer.Option(
            envvar="LIVE_AGENT_LOG_FORMAT",
            help="JSON lines, or lines for people; auto takes the latter on a terminal.",
        ),
    ] = "auto",
) -> None:
    """Serve Live Agent for real use."""
    from audit_trail import serving
    from audit_trail.capture.proxies import trusted
    from live_agent.app import build_services
    from live_agent.logs import configure_logs
    from live_agent.site import create_site

    configure_logs(log_format, sys.stderr)
    with _progress() as report:
        services = build_services(
            places_of(data),
            secure_cookies=secure_cookies,
            trusted_proxies=trusted(trusted_proxies.split(",")),
            # Not an option: every process on the machine can read another's arguments.
            metrics_token=os.environ.get("LIVE_AGENT_METRICS_TOKEN", ""),
            signing=signing_of(data),
            report=report,
            url=url,
            webhooks_to_private_networks=webhooks_to_private_networks,
            coverage_seconds=coverage_seconds,
            reconcile_seconds=reconcile_hours * 3_600,
        )
    services.database.prepare()
    site, said = create_site(services), lambda url: _print(f"Live Agent: {url}")
    serving.run(site, host, port, said, services.tails.close)
    serving.leave()


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The directory to write; it must not exist.")],
    data: Data = Path("live-agent-data"),
) -> None:
    """Back up both databases as of one instant, also while a server runs."""
    from live_agent.backup import back_up

    with _progress() as report:
        back_up(data, target, report)
    _print(f"{data} is backed up in {target}.")


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(help="A directory that `backup` wrote.")],
    data: Data = Path("live-agent-data"),
) -> None:
    """Make a data directory of a backup; it must be new or empty."""
    from live_agent.backup import restore

    with _progress() as report:
        manifest = restore(backup, data, report, signing_of(data).key)
    _print(f"{data} is as it was at {manifest.taken_at}.")


@accounts.command("create")
def create_account(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    data: Data = Path("live-agent-data"),
    timezone: Annotated[str, typer.Option(help="An IANA time zone.")] = "UTC",
) -> None:
    """Create an account and print its id."""
    from live_agent.founding import create_account

    _print(f"Account {create_account(_database(data), name, timezone)}")


@users.command("create")
def create_user(
    account: Annotated[int, typer.Option(help="The account's id.")],
    email: Annotated[str, typer.Option(help="The login e-mail.")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[str, typer.Option(help="agent, supervisor or administrator.")] = "agent",
    password_stdin: PasswordStdin = False,
    data: Data = Path("live-agent-data"),
) -> None:
    """Create a person in an account; their API access token is printed once."""
    from live_agent.founding import create_user

    password = _password(password_stdin)
    created = create_user(_database(data), account, email, name, role, password)
    _print(f"User {created.user_id}\nAPI access token, shown only now: {created.token}")


@users.command("add")
def add_user(
    account: Annotated[int, typer.Option(help="The account's id.")],
    email: Annotated[str, typer.Option(help="The login e-mail of somebody who exists.")],
    role: Annotated[str, typer.Option(help="agent, supervisor or administrator.")] = "agent",
    data: Data = Path("live-agent-data"),
) -> None:
    """Add a person of another account to this one as well."""
    from live_agent.founding import add_user

    _print(f"User {add_user(_database(data), account, email, role)}")


@users.command("password")
def set_password(
    email: Annotated[str, typer.Option(help="The login e-mail.")],
    password_stdin: PasswordStdin = False,
    data: Data = Path("live-agent-data"),
) -> None:
    """Give a person a new password; their sessions end."""
    from live_agent.founding import set_password

    set_password(_database(data), email, _password(password_stdin))
    _print("The password is set.")


@tokens.command("create")
def create_token(
    account: Annotated[int, typer.Option(help="The account's id.")],
    email: Annotated[str, typer.Option(help="The login e-mail of one of its administrators.")],
    scope: Annotated[
        str, typer.Option(help="audit_trail: checkpoint, tiles, bundles, keys and proofs.")
    ],
    name: Annotated[str, typer.Option(help="Who will use it.")] = "monitor",
    data: Data = Path("live-agent-data"),
) -> None:
    """Make a token that may do nothing but what its scope says; it is printed once."""
    from live_agent.founding import create_token

    token = create_token(_database(data), account, email, name, scope)
    _print(f"Access token, shown only now: {token}")


@tokens.command("list")
def list_tokens(
    account: Annotated[int, typer.Option(help="The account's id.")],
    data: Data = Path("live-agent-data"),
) -> None:
    """Print the account's tokens: id, scope, since when, whose, and for whom."""
    from live_agent.founding import tokens

    for token in tokens(_database(data), account):
        since = _time(token.created_at)
        _print(f"{token.id} {token.scope} {since} {token.user.email} {token.name}")


@tokens.command("revoke")
def revoke_token(
    token: Annotated[int, typer.Argument(help="The token's id.")],
    account: Annotated[int, typer.Option(help="The account's id.")],
    data: Data = Path("live-agent-data"),
) -> None:
    """End a token; it opens nothing any more."""
    from live_agent.founding import revoke_token

    revoke_token(_database(data), account, token)
    _print(f"Token {token} is revoked.")


@databases.command("init")
def init_database(
    admin_url: Annotated[
        str,
        typer.Argument(
            envvar="LIVE_AGENT_ADMIN_URL",
            show_envvar=True,
            help="postgresql://admin@host:5432/postgres, of a role that may create roles and databases. "
            "Its password is better left to the environment or to ~/.pgpass.",
        ),
    ],
    name: Annotated[
        str, typer.Option(help="How the databases and roles are called, and begin.")
    ] = "live_agent",
    env_file: Annotated[
        Path | None,
        typer.Option(
            help="Write the server's settings into this file, and the owners' into one beside it "
            "(mode 600). What such files say already is kept to."
        ),
    ] = None,
) -> None:
    """Create roles, databases and tables on a PostgreSQL server, and print the URLs to set."""
    from live_agent.installing.server import OWNERS, SETTINGS, install
    from live_agent.installing.settings import owners_file, read_settings, write_settings

    kept_in = (env_file, owners_file(env_file)) if env_file else ()
    known = {key: os.environ[key] for key in SETTINGS if os.environ.get(key)}
    for path in kept_in:
        known = {**read_settings(path), **known}
    urls = install(admin_url, name, known)
    if not kept_in:
        _print("\n".join(f"{setting}={url}" for setting, url in urls.items()))
        return
    owners = {setting: urls.pop(setting) for setting in OWNERS}
    for path, settings in zip(kept_in, (urls, owners), strict=True):
        write_settings(path, settings)
    _print(f"The server's settings are in {kept_in[0]}, the owners' in {kept_in[1]}.")


@databases.command("sync")
def sync_database(data: Data = Path("live-agent-data")) -> None:
    """Migrate the schema and make the triggers as generated, as the owner of the tables."""
    owner = os.environ.get("LIVE_AGENT_OWNER_URL")
    database = places_of(data, database_url=owner).database()
    database.sync()
    if trail_owner := os.environ.get("LIVE_AGENT_TRAIL_OWNER_URL"):
        from live_agent.installing.server import sync_trail

        sync_trail(trail_owner)
    _print(f"The schema of {database.name} is up to date, and its triggers are as generated.")


@keys.command("list")
def list_keys(data: Data = Path("live-agent-data")) -> None:
    """Print the trail's public keys as verifier keys, and from when on each has signed."""
    from audit_trail.signing.keys import trail_key

    with _trail(data) as store:
        for key in store.public_keys():
            _print(f"{_time(key.since_us)} {key.name} {trail_key(key).text}")


@keys.command("rotate")
def rotate_key(data: Data = Path("live-agent-data")) -> None:
    """Sign with another key from the next start on: a new one, or the one in the environment."""
    with _trail_at_rest(data) as store:
        key = signing_of(data).rotate(store)
    _print(f"The next start signs with {b64encode(key.public).decode()}.")


@keys.command("begin-epoch")
def begin_epoch(
    reason: Annotated[str, typer.Option(help="What happened; each account's trail will say so.")],
    data: Data = Path("live-agent-data"),
) -> None:
    """Sign the trail as it is, under a new name, although it lacks what was signed before."""
    with _trail_at_rest(data) as store:
        key = signing_of(data).begin_epoch(store, reason)
    _print(f"The next start signs as {key.name} with {b64encode(key.public).decode()}.")


@retentions.command("show")
def show_retention(account: Account, data: Data = Path("live-agent-data")) -> None:
    """Print for how long entries are kept, the legal holds with their ids, and where the trail begins."""
    with _retaining(data) as retaining:
        for line in retaining.shown(account):
            _print(line)


@retentions.command("set")
def set_retention(
    account: Account,
    days: Annotated[int, typer.Option(help="From 90 to 36,500.")],
    reason: Reason,
    ticket: Ticket = None,
    data: Data = Path("live-agent-data"),
) -> None:
    """Keep entries for so many days: more count at once, fewer after 24 hours."""
    with _retaining(data) as retaining:
        _print(retaining.change(account, days, reason, ticket))


@retentions.command("hold")
def place_hold(
    account: Account,
    reason: Reason,
    record: Annotated[str | None, typer.Option(help="As inbox:12, or inbox for every one.")] = None,
    actor: Annotated[str | None, typer.Option(help="As user:7, or user for everyone.")] = None,
    since: Day = None,
    until: Day = None,
    ticket: Ticket = None,
    data: Data = Path("live-agent-data"),
) -> None:
    """Keep the entries that fit all that is named, until the hold is lifted; its id is printed."""
    from audit_trail.retaining import named
    from live_agent.catalog import CATALOG

    fits = named(record, actor, since, until, CATALOG.kinds)
    with _retaining(data) as retaining:
        _print(retaining.place(account, reason, ticket, **fits))


@retentions.command("lift")
def lift_hold(
    hold: Annotated[str, typer.Argument(help="The id that `hold` and `show` print.")],
    account: Account,
    reason: Reason,
    ticket: Ticket = None,
    data: Data = Path("live-agent-data"),
) -> None:
    """Lift a legal hold: the next run drops what it held and is old enough."""
    with _retaining(data) as retaining:
        _print(retaining.lift(account, hold, reason, ticket))


@retentions.command("run")
def run_retention(
    account: Annotated[str | None, typer.Option(help="One account; without it, all.")] = None,
    data: Data = Path("live-agent-data"),
) -> None:
    """Drop expired entries now, as the server does once a day; it may run meanwhile."""
    with _retaining(data) as retaining:
        for line in retaining.run(account):
            _print(line)


@contextmanager
def _retaining(data: Path) -> Iterator[Any]:
    from audit_trail.retaining import retaining
    from live_agent.catalog import CATALOG

    signing = signing_of(data)
    with _trail(data) as store, retaining(store, signing, catalog=CATALOG) as opened:
        yield opened


@contextmanager
def _trail_at_rest(data: Path) -> Iterator[Any]:
    """Open the trail's store while no server runs: it would go on with the key before."""
    places = places_of(data)
    with places.outbox(places.reader(places.database())).leading(), _trail(data) as store:
        yield store


@contextmanager
def _trail(data: Path) -> Iterator[Any]:
    """Open the trail's store, where there is one."""
    from contextlib import closing

    from audit_trail.errors import StoreFailed

    places = places_of(data)
    if not places.trail_url and not (data / "trail.db").is_file():
        raise StoreFailed(f"There is no trail {data / 'trail.db'}.")
    with closing(places.trail()) as store:
        yield store


def _database(data: Path) -> Any:
    database = places_of(data).database()
    database.prepare()
    return database


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each file, on a terminal alone."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, Any] = {}

        def report(name: str, done: int, total: int) -> None:
            bar = bars.get(name)
            if bar is None:
                bar = bars[name] = progress.add_task(name)
            progress.update(bar, completed=done, total=total)

        yield report


def _password(from_stdin: bool) -> str:
    from live_agent.errors import Invalid

    if not from_stdin:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\n")
    except UnicodeDecodeError:
        raise Invalid({"password": "Password must be text in UTF-8."}) from None


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")


def _print(text: str) -> None:
    typer.echo(text)


def main() -> None:
    """Run the command; what is ours to explain goes to standard error, with exit code 1."""
    from audit_trail.errors import AuditError
    from live_agent.errors import LiveAgentError

    try:
        app()
    except (AuditError, LiveAgentError) as error:
        typer.echo(f"live-agent: {error}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        typer.echo(f"live-agent: {error.strerror}: {error.filename}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
