"""Records that belong to several accounts: who joins or leaves in the transaction tells which."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from audit_trail.capture.watch import Membership, WatchList
from audit_trail.record.value import NULL, read
from audit_trail.sequencer.rows import Seen, account_of


class Members:
    """Which tables' records belong to several accounts, and which table tells to which."""

    def __init__(self, watch: WatchList) -> None:
        self._memberships = {
            table.name: table.account
            for table in watch.tables
            if isinstance(table.account, Membership)
        }

    def placed(self, rows: Sequence[Seen]) -> Sequence[Seen]:
        """Put a write whose accounts the trigger couldn't find into those that the rows tell.

        A person is created before they join an account, and may be deleted after they left it.
        """
        if not any(each.account is None and each.table.name in self._memberships for each in rows):
            return rows
        joined: dict[tuple[str, bytes | None], dict[str, None]] = defaultdict(dict)
        for record, account in self._joined(rows):
            joined[record][account] = None
        return [placed for seen in rows for placed in _placed(seen, self._accounts(seen, joined))]

    def _accounts(
        self, seen: Seen, joined: Mapping[tuple[str, bytes | None], Collection[str]]
    ) -> Sequence[str]:
        if (membership := self._memberships.get(seen.table.name)) is None:
            return ()
        keys = seen.pairs.get(membership.by, ()) if membership.by else (seen.key,)
        found = (joined.get((seen.table.name, key), ()) for key in keys if key is not None)
        return [account for accounts in found for account in accounts]

    def _joined(self, rows: Sequence[Seen]) -> Iterator[tuple[tuple[str, bytes | None], str]]:
        for name, membership in self._memberships.items():
            for seen in rows:
                if seen.table.name == membership.table:
                    records = seen.pairs.get(membership.record, (None, None))
                    accounts = seen.pairs.get(membership.account, (None, None))
                    for record, account in zip(records, accounts, strict=True):
                        if found := account_of(read(account or NULL)):
                            yield (name, record), found


def _placed(seen: Seen, accounts: Sequence[str]) -> Iterator[Seen]:
    if seen.account is not None or not accounts:
        yield seen
        return
    for place, account in enumerate(accounts):
        # Each account's entry has an id of its own, the same at every reading.
        nonce = f"{seen.row.nonce!r} {account}" if place else seen.row.nonce
        row = msgspec.structs.replace(seen.row, account=account, nonce=nonce)
        yield msgspec.structs.replace(seen, account=account, row=row)
