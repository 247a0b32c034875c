"""What tests of coverage do to a database, and what they ask of its trail."""

from collections.abc import Callable
from itertools import count
from typing import Any

from audit_trail.capture.look import Look, Looked
from audit_trail.coverage.looking import look_only
from audit_trail.coverage.rounds import Rounds
from audit_trail.record.captured import Gap, gaps_of
from audit_trail.record.entry import Entry, read_what
from tests.capture.host import Application, Host

Clock = Callable[[], int]


def ticking(start_us: int = 0) -> Clock:
    """A clock that is a second later at each reading, the first one included."""
    ticks = count(start_us + 1_000_000, 1_000_000)
    return lambda: next(ticks)


def rounds(host: Application, clock: Clock, **options: Any) -> Rounds:
    return Rounds(host.engine, host.trail, clock=clock, **options)


def about_capture(host: Application, account: str) -> list[Entry]:
    """The entries about capture, oldest first."""
    return [each for each in host.entries(account) if each.public.entity.type == "capture"]


def actions(host: Application, account: str) -> list[str]:
    return [each.public.action for each in about_capture(host, account)]


def details(entry: Entry) -> dict[str, Any]:
    return read_what(entry.what).details


def gaps(host: Application, account: str = "1") -> list[Gap]:
    return gaps_of(reversed(about_capture(host, account)))


def of(look: Look, table: str) -> Looked:
    return next(each for each in look.tables if each.name == table)


def states(look: Look, table: str) -> set[str]:
    return {str(each.state) for each in of(look, table).wrong}


def drop_update(host: Application, table: str = "teams") -> None:
    host.shell(
        f"DROP TRIGGER audit_{table}_update"
        if isinstance(host, Host)
        else f'DROP TRIGGER "00_audit_update" ON {table}'
    )


def an_account(host: Application) -> None:
    """Give the account 1 a trail."""
    host.write("INSERT INTO teams (id, account_id, name, token) VALUES (1, 1, 'Support', 's')")
    host.entries()


def facts(host: Application, *, is_seen: bool) -> str:
    return "\n".join(
        each.says for each in look_only(host.engine)[0].facts if each.is_seen == is_seen
    )
