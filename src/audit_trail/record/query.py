"""What may be asked of a trail; one value serves every reader, so that they can't disagree."""

import msgspec


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A filter over one account's entries; the order is always the index.

    `person` is a part of the actor's e-mail or name, letters' case ignored. `types` are entity
    types. `since_us` and `until_us` bound `occurred_at`, inclusive, microseconds UTC. `start` and
    `stop` bound the index, the latter exclusive.
    """

    account: str
    person: str | None = None
    types: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    start: int | None = None
    stop: int | None = None
    newest_first: bool = True

    @property
    def unfiltered(self) -> bool:
        """Tell whether every entry of the account matches, so that pages are arithmetic."""
        bounds = (self.since_us, self.until_us, self.start, self.stop)
        return not (self.person or self.types) and bounds == (None,) * len(bounds)
