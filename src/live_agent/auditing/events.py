"""What each event means that changes no record: who brings it about, and in which trail it is."""

from collections.abc import Mapping
from typing import Final, NamedTuple

ITS_ACCOUNT: Final = "the account's"
EACH_ACCOUNT: Final = "that of each account of the person"
INSTALLATION: Final = "the installation's"


class About(NamedTuple):
    """Its meaning as a sentence, the role that it takes, and the trail in which it is."""

    description: str
    role: str
    trail: str


ABOUT: Final[Mapping[str, About]] = {
    "sign_in": About("A person signed in with their password.", "anybody", EACH_ACCOUNT),
    "sign_in_failed": About(
        "Somebody gave a wrong password, or tried too often. The first within a minute is an entry "
        "at once, further ones are one more with their number. Of an e-mail that nobody has: in "
        "the installation's trail.",
        "anybody",
        EACH_ACCOUNT,
    ),
    "sign_out": About("A person ended their session.", "anybody", EACH_ACCOUNT),
    "export": About(
        "Entries were written into a file, or such a file was downloaded.",
        "administrator, operator",
        ITS_ACCOUNT,
    ),
    "read": About(
        "A person was shown an entry whole, the history or state of a record, or evidence: on the page or "
        "through the API. Again within a minute is one more entry, with the number. Lists are no "
        "reads, nor are entries of one's own reads. An account may leave reads out.",
        "administrator",
        ITS_ACCOUNT,
    ),
    "read_denied": About(
        "A member without the role asked for the audit logs. Counted as failed sign-ins are.",
        "agent, supervisor",
        ITS_ACCOUNT,
    ),
    "erase": About(
        "Sealed parts that hold a person's data were emptied.",
        "administrator, operator",
        ITS_ACCOUNT,
    ),
    "change_retention": About(
        "For how long entries are kept was changed, or will be.",
        "administrator, operator",
        ITS_ACCOUNT,
    ),
    "place_hold": About(
        "Entries are kept beyond the retention.", "administrator, operator", ITS_ACCOUNT
    ),
    "lift_hold": About(
        "Entries are kept beyond the retention no more.", "administrator, operator", ITS_ACCOUNT
    ),
    "drop": About("Expired entries were dropped.", "none: the server does it", ITS_ACCOUNT),
    "rotate_key": About("From here on another key signs.", "operator", ITS_ACCOUNT),
    "begin_epoch": About(
        "The trail is signed under a new name, as after a restore.", "operator", ITS_ACCOUNT
    ),
    "unreadable": About(
        "The outbox held a row that can't be understood; its bytes are sealed.",
        "none: the server does it",
        ITS_ACCOUNT,
    ),
    "capture_started": About(
        "Recording was found in order, at first or after a gap.",
        "none: the server does it",
        f"{INSTALLATION}, and {ITS_ACCOUNT} where its changes are concerned",
    ),
    "capture_stopped": About(
        "Recording was found interrupted: since when, and of which tables.",
        "none: the server does it",
        f"{INSTALLATION}, and {ITS_ACCOUNT} where its changes are concerned",
    ),
    "capture_changed": About(
        "Another watch list is in force, or a table came that nobody watches.",
        "operator",
        f"{INSTALLATION}, and {ITS_ACCOUNT} where its changes are concerned",
    ),
    "capture_lost": About(
        "Changes were made that could not be recorded; it tells of which table, and how many.",
        "none: the server does it",
        INSTALLATION,
    ),
    "reconciled": About(
        "The trail was held against the tables again, and all that differed before is as it says.",
        "none: the server does it",
        f"{INSTALLATION}, and {ITS_ACCOUNT} where its records differ",
    ),
    "reconciliation_failed": About(
        "The trail was held against the tables, row by row: which records aren't as it says.",
        "none: the server does it",
        f"{INSTALLATION}, and {ITS_ACCOUNT} where its records differ",
    ),
    "view_failed": About(
        "A saved view's webhook was given up after its last attempt.",
        "none: the server does it",
        ITS_ACCOUNT,
    ),
}
"""By action. Whatever else happens is listed without it, and a test asks for it."""
