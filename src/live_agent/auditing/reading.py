"""Opens one account's trail for the commands that ask it, beside a server that runs or without one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from audit_trail.errors import QueryRefused, QuestionRefused
from audit_trail.keyring import Signing
from audit_trail.record.entry import INSTALLATION
from audit_trail.server.asked import Asked, asked_of
from audit_trail.server.zone import UTC_ZONE, Zone, zone_of
from audit_trail.trail import Trail, utc_now_us
from live_agent.catalog import CATALOG
from live_agent.places import Places
from live_agent.schema import LARGEST_INTEGER, Account


class Audit:
    """One account's trail, and the zone in which days and times are told."""

    def __init__(self, trail: Trail, account: str, zone: Zone) -> None:
        self.trail = trail
        self.account = account
        self.zone = zone

    def asked(
        self,
        question: str = "",
        range_: str | None = None,
        since: str | None = None,
        until: str | None = None,
        *,
        oldest_first: bool = False,
    ) -> Asked:
        """Return what is asked for. Raises `QueryRefused`, and says what may be meant instead."""
        parameters = {"q": question, "range": range_, "since": since, "until": until}
        given = {name: text for name, text in parameters.items() if text}
        try:
            asked = asked_of(given, self.account, self.zone, utc_now_us(), CATALOG)
        except QuestionRefused as error:
            meant = f" Perhaps: {error.suggestion}" if error.suggestion else ""
            raise QueryRefused(f"{error}{meant}") from error
        query = msgspec.structs.replace(asked.query, newest_first=not oldest_first)
        return msgspec.structs.replace(asked, query=query)


@contextmanager
def reading(
    places: Places, account: str | None, zone: str | None, *, signing: Signing | None = None
) -> Iterator[Audit]:
    """Open the trail of this account, or of the only one that there is.

    With `signing` entries may be appended, else nothing is written. Raises `StoreFailed`,
    `QueryRefused`.
    """
    with closing(places.trail(is_there=True, is_read_only=signing is None)) as store:
        trail = Trail(store, signer=signing.signer(store) if signing else None)
        chosen = _account(trail, account)
        name = zone or _zone_of_account(places, chosen)
        known = zone_of(name)
        if zone and known is UTC_ZONE and zone not in ("UTC", "Etc/UTC"):
            raise QueryRefused(f"There is no time zone {zone}; it may be Europe/Berlin or UTC.")
        yield Audit(trail, chosen, known)


def _account(trail: Trail, account: str | None) -> str:
    known = sorted(trail.accounts())
    if account is not None:
        if account not in known:
            raise QueryRefused(f"There is no trail of account {account}.")
        return account
    of_people = [each for each in known if each != INSTALLATION]
    if len(of_people) != 1:
        there_are = f": {', '.join(of_people[:20])}" if of_people else ""
        raise QueryRefused(f"Say which account by --account{there_are}.")
    return of_people[0]


def _zone_of_account(places: Places, account: str) -> str:
    """Return the zone in which the account's people live; UTC where that isn't known."""
    is_number = account.isascii() and account.isdecimal() and len(account) < 19
    is_there = places.database_url or Path(places.data / "live-agent.db").is_file()
    if not is_there or not is_number or not 0 < int(account) <= LARGEST_INTEGER:
        return "UTC"
    with closing(places.database()) as database, database.reading() as db:
        found = db.get(Account, int(account))
        return found.timezone if found else "UTC"
