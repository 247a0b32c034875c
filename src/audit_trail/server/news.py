"""How many entries are new to a list that lies open, told as they come; it shows none of them."""

from collections.abc import Callable

import msgspec
from litestar.response import ServerSentEvent

from audit_trail.record.opened import READ
from audit_trail.record.query import All, By, Condition, Is, Not, all_of
from audit_trail.server.asked import Asked
from audit_trail.server.cursor import Position
from audit_trail.server.tail import Event, Heard, Tails
from audit_trail.server.viewer import Reader
from audit_trail.trail import Trail


def news(
    trail: Trail,
    tails: Tails,
    reader: Reader,
    asked: Callable[[], Asked],
    *,
    zone: str,
    begin: int,
    last: str | None,
) -> ServerSentEvent:
    """Answer a tail of counts, from the index `begin` or the cursor `last` on.

    `asked` is what the list asks now; that the reader looks at entries is no news to them. Raises
    what `asked` raises, `CursorRefused` and `TooManyTails`.
    """
    bound = {**asked().given, "zone": zone, "tells": "news"}

    def look(beyond: int) -> Heard:
        size = trail.head(reader.account).size
        query = asked().query
        query = msgspec.structs.replace(
            query, where=all_of(query.where, _others(reader)), start=beyond + 1, stop=size
        )
        count = trail.count(query)
        told = msgspec.json.encode({"new": count.number, "is_exact": count.is_exact})
        is_news = count.number or not count.is_exact
        return Heard([Event(size - 1, "news", told)] if is_news else [], size - 1)

    def cursor(index: int) -> str:
        # What is counted is asked as of now, so the moment of a cursor says nothing.
        return tails.cursors.write(reader.account, bound, Position(index, 0))

    if last:
        begin = tails.cursors.read(reader.account, bound, last).index
    return tails.follow(reader, begin, look, cursor)


def _others(reader: Reader) -> Condition | None:
    """Leave out what the reader themselves read."""
    if reader.person is None:
        return None
    return Not(All((Is("action", READ), By(f"user/{reader.person}"))))
