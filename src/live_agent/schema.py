"""The one schema of Live Agent's database; it holds no rule that the database can't enforce.

It says the same on SQLite and PostgreSQL. Ids are never used again (AUTOINCREMENT, an identity), or
an entry about a deleted record would seem to be about a later one. Times are integers, microseconds
since 1970, UTC. Texts are compared and sorted by their bytes. JSON is kept as the text that it was,
since JSONB would put its keys into another order. A change here needs a version in migrations/.
"""

import json
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, relationship

from audit_trail.trail import utc_now_us

SCHEMA_VERSION: Final = "6"
"""The newest version in migrations/; each is one more than the one before."""

LARGEST_INTEGER: Final = 2**63 - 1
"""What the database can hold, and so the largest id there can be."""

ROLES: Final = ("agent", "supervisor", "administrator")
VISIBILITIES: Final = ("personal", "global")
STATUSES: Final = ("open", "resolved", "pending", "snoozed")
LABEL_COLOR: Final = "#1f93ff"
AVAILABILITIES: Final = ("online", "busy", "offline")
SCOPES: Final = ("audit_trail",)
"""What a token may be limited to. `audit_trail`: the files and proofs of its account's trail."""

_EMPTY_LIST: Final = text("'[]'")


class Document(JSON):
    """JSON that is compared as it is written, for to Python `True == 1 == 1.0`.

    A write from one to the other would be passed over. The order of an object's keys says nothing.
    """

    def compare_values(self, x: Any, y: Any) -> bool:
        return json.dumps(x, sort_keys=True) == json.dumps(y, sort_keys=True)


# Defaults of the database are for its shell; the application's own come first.
class Now(ColumnElement[int]):
    """The time in microseconds, by the database's clock."""

    inherit_cache = True


class RandomHex(ColumnElement[str]):
    """A random value of 32 hexadecimal digits."""

    inherit_cache = True


_DEFAULTS: Final = {
    (Now, "sqlite"): "(CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000)",
    (Now, "postgresql"): "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    (RandomHex, "sqlite"): "lower(hex(randomblob(16)))",
    (RandomHex, "postgresql"): "replace(gen_random_uuid()::text, '-', '')",
}


@compiles(Now)
@compiles(RandomHex)
def _default(element: Now | RandomHex, compiler: Any, **_: Any) -> str:
    return _DEFAULTS[type(element), compiler.dialect.name]


class Record(DeclarativeBase):
    """A row of any table."""

    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it from the class, as a dict
        # SQLite counts ids only in a column declared as INTEGER, which holds eight bytes as well.
        int: BigInteger().with_variant(Integer(), "sqlite"),
        # What SQLite does unasked: equal means the same bytes, and lower() knows ASCII alone.
        str: String().with_variant(String(collation="C"), "postgresql"),
        dict[str, Any]: Document(none_as_null=True),
        list[Any]: Document(none_as_null=True),
    }


class Numbered:
    """What most tables have: an id, and the times of creation and last change."""

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    created_at: Mapped[int] = mapped_column(default=utc_now_us, server_default=Now(), sort_order=90)
    updated_at: Mapped[int] = mapped_column(
        default=utc_now_us, server_default=Now(), onupdate=utc_now_us, sort_order=91
    )


class Owned(Numbered):
    """A record that belongs to one account."""

    @declared_attr
    @classmethod
    def account_id(cls) -> Mapped[int]:
        return mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))


class Account(Numbered, Record):
    __tablename__ = "accounts"
    __table_args__ = ({"sqlite_autoincrement": True},)

    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="UTC", server_default="UTC")
    locale: Mapped[str] = mapped_column(default="en", server_default="en", sort_order=92)
    domain: Mapped[str | None] = mapped_column(sort_order=93)
    support_email: Mapped[str | None] = mapped_column(sort_order=94)
    auto_resolve_duration: Mapped[int | None] = mapped_column(sort_order=95)
    audit_reads: Mapped[bool] = mapped_column(default=True, server_default=true(), sort_order=96)


class User(Numbered, Record):
    """A person; `password_hash` is null until they have chosen a password.

    Without a language they are told things in the browser's; without a zone, in the account's.
    """

    __tablename__ = "users"
    __table_args__ = ({"sqlite_autoincrement": True},)

    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(sort_order=92)
    timezone: Mapped[str | None] = mapped_column(sort_order=93)


class AccountUser(Owned, Record):
    """A person's membership of an account: an agent, in the words of the contract."""

    __tablename__ = "account_users"
    __table_args__ = (UniqueConstraint("account_id", "user_id"), {"sqlite_autoincrement": True})

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(default="agent", server_default="agent")
    availability: Mapped[str] = mapped_column(default="offline", server_default="offline")

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class Inbox(Owned, Record):
    __tablename__ = "inboxes"
    __table_args__ = (UniqueConstraint("account_id", "name"), {"sqlite_autoincrement": True})

    name: Mapped[str]
    avatar_url: Mapped[str | None]
    webhook_url: Mapped[str | None]
    project_id: Mapped[str | None]
    inbox_identifier: Mapped[str] = mapped_column(
        default=lambda: token_hex(16), server_default=RandomHex()
    )
    greeting_enabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    greeting_message: Mapped[str | None]
    enable_auto_assignment: Mapped[bool] = mapped_column(default=True, server_default=true())
    allow_reassignment: Mapped[bool] = mapped_column(default=True, server_default=true())
    agents_see_all_conversations: Mapped[bool] = mapped_column(
        default=False, server_default=false()
    )
    enable_conversation_count: Mapped[bool] = mapped_column(default=False, server_default=false())
    timezone: Mapped[str] = mapped_column(default="UTC", server_default="UTC")
    working_hours_enabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    working_hours: Mapped[list[Any]] = mapped_column(default=list, server_default=_EMPTY_LIST)
    out_of_office_message: Mapped[str | None]
    csat_survey_enabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    csat_config: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    lock_to_single_conversation: Mapped[bool] = mapped_column(default=False, server_default=false())
    hmac_token: Mapped[str] = mapped_column(
        default=lambda: token_hex(16), server_default=RandomHex()
    )


def _agent_of_the_account(name: str | None = None) -> ForeignKeyConstraint:
    """Only an agent of the same account can be a member, and leaves with the account's agents."""
    return ForeignKeyConstraint(
        ["account_id", "user_id"],
        ["account_users.account_id", "account_users.user_id"],
        name=name,
        ondelete="CASCADE",
    )


class InboxMember(Owned, Record):
    """An inbox collaborator."""

    __tablename__ = "inbox_members"
    __table_args__ = (
        UniqueConstraint("inbox_id", "user_id"),
        _agent_of_the_account(),
        Index("inbox_members_by_agent", "account_id", "user_id"),
        {"sqlite_autoincrement": True},
    )

    inbox_id: Mapped[int] = mapped_column(ForeignKey("inboxes.id", ondelete="CASCADE"))
    user_id: Mapped[int]


class Team(Owned, Record):
    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("account_id", "name"), {"sqlite_autoincrement": True})

    name: Mapped[str]
    description: Mapped[str | None]
    allow_auto_assign: Mapped[bool] = mapped_column(default=True, server_default=true())


class TeamMember(Owned, Record):
    __tablename__ = "team_members"
    __table_args__ = (
        UniqueConstraint("team_id", "user_id"),
        _agent_of_the_account(),
        Index("team_members_by_agent", "account_id", "user_id"),
        {"sqlite_autoincrement": True},
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    user_id: Mapped[int]


class Webhook(Owned, Record):
    """An inbox's webhook, or the account's where it belongs to no inbox."""

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("webhooks_by_account", "account_id"),
        {"sqlite_autoincrement": True},
    )

    inbox_id: Mapped[int | None] = mapped_column(
        ForeignKey("inboxes.id", ondelete="CASCADE"), index=True
    )
    url: Mapped[str]
    subscriptions: Mapped[list[Any]] = mapped_column(default=list, server_default=_EMPTY_LIST)
    secret: Mapped[str] = mapped_column(default=lambda: token_hex(16), server_default=RandomHex())


class AgentBot(Owned, Record):
    """An Agent Copilot Bot; `outgoing_url` is its Endpoint Config URL."""

    __tablename__ = "agent_bots"
    __table_args__ = (UniqueConstraint("account_id", "name"), {"sqlite_autoincrement": True})

    name: Mapped[str]
    description: Mapped[str | None]
    outgoing_url: Mapped[str | None]
    inbox_id: Mapped[int | None] = mapped_column(
        ForeignKey("inboxes.id", ondelete="SET NULL"), index=True
    )


class AutomationRule(Owned, Record):
    __tablename__ = "automation_rules"
    __table_args__ = (UniqueConstraint("account_id", "name"), {"sqlite_autoincrement": True})

    name: Mapped[str]
    description: Mapped[str | None]
    event_name: Mapped[str]
    conditions: Mapped[list[Any]] = mapped_column(default=list, server_default=_EMPTY_LIST)
    actions: Mapped[list[Any]] = mapped_column(default=list, server_default=_EMPTY_LIST)
    active: Mapped[bool] = mapped_column(default=True, server_default=true())


class AccessToken(Numbered, Record):
    """An API token; only its digest is kept.

    It opens what its person may in all their accounts; with a scope, that alone and in one account.
    """

    __tablename__ = "access_tokens"
    __table_args__ = (
        _agent_of_the_account("access_tokens_agent"),
        CheckConstraint(
            "(scope IS NULL) = (account_id IS NULL)", name="access_tokens_scope_in_account"
        ),
        {"sqlite_autoincrement": True},
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int | None] = mapped_column(sort_order=92)
    scope: Mapped[str | None] = mapped_column(sort_order=93)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class Label(Owned, Record):
    """What conversations are sorted by."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("account_id", "title"), {"sqlite_autoincrement": True})

    title: Mapped[str]
    description: Mapped[str | None]
    color: Mapped[str] = mapped_column(default=LABEL_COLOR, server_default=LABEL_COLOR)
    show_on_sidebar: Mapped[bool] = mapped_column(default=True, server_default=true())


class CannedResponse(Owned, Record):
    """A text that agents send by its short code."""

    __tablename__ = "canned_responses"
    __table_args__ = (UniqueConstraint("account_id", "short_code"), {"sqlite_autoincrement": True})

    short_code: Mapped[str]
    content: Mapped[str]


class Macro(Owned, Record):
    """Actions that an agent runs at once; `user_id` made it, and alone has a personal one."""

    __tablename__ = "macros"
    __table_args__ = (Index("macros_by_account", "account_id"), {"sqlite_autoincrement": True})

    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str]
    visibility: Mapped[str] = mapped_column(default="personal", server_default="personal")
    actions: Mapped[list[Any]] = mapped_column(default=list, server_default=_EMPTY_LIST)

    # As long as they are of the account: of whom else there is, its members may know nothing.
    user: Mapped[User | None] = relationship(
        secondary="account_users",
        primaryjoin=(
            "and_(Macro.user_id == account_users.c.user_id, "
            "Macro.account_id == account_users.c.account_id)"
        ),
        secondaryjoin="User.id == account_users.c.user_id",
        lazy="joined",
        viewonly=True,
    )


class Skill(Owned, Record):
    """What agents are good at."""

    __tablename__ = "skills"
    __table_args__ = (UniqueConstraint("account_id", "name"), {"sqlite_autoincrement": True})

    name: Mapped[str]
    description: Mapped[str | None]


class AgentSkill(Owned, Record):
    """A skill that an agent has."""

    __tablename__ = "agent_skills"
    __table_args__ = (
        UniqueConstraint("skill_id", "user_id"),
        _agent_of_the_account(),
        Index("agent_skills_by_agent", "account_id", "user_id"),
        {"sqlite_autoincrement": True},
    )

    skill_id: Mapped[int] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"))
    user_id: Mapped[int]


class Conversation(Owned, Record):
    """A conversation with a contact, as far as its deletion is concerned."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index("conversations_by_account", "account_id"),
        {"sqlite_autoincrement": True},
    )

    inbox_id: Mapped[int] = mapped_column(ForeignKey("inboxes.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(default="open", server_default="open")
    contact_name: Mapped[str | None]
    contact_email: Mapped[str | None]

    inbox: Mapped[Inbox] = relationship(lazy="joined", innerjoin=True)


class SavedView(Owned, Record):
    """A question about the audit logs, kept under a name; `user_id` is whose it is.

    Without an owner, whose account was deleted, a shared one is left.
    """

    __tablename__ = "saved_views"
    __table_args__ = (
        UniqueConstraint("account_id", "user_id", "name"),
        Index(
            "saved_views_shared",
            "account_id",
            "name",
            unique=True,
            sqlite_where=text("is_shared"),
            postgresql_where=text("is_shared"),
        ),
        {"sqlite_autoincrement": True},
    )

    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str]
    question: Mapped[str | None]
    range: Mapped[str | None]
    since: Mapped[str | None]
    until: Mapped[str | None]
    columns: Mapped[list[Any]] = mapped_column(default=list, server_default=_EMPTY_LIST)
    timezone: Mapped[str] = mapped_column(default="UTC", server_default="UTC")
    is_shared: Mapped[bool] = mapped_column(default=False, server_default=false())
    webhook_url: Mapped[str | None]
    webhook_secret: Mapped[str | None]
    period_seconds: Mapped[int] = mapped_column(default=3_600, server_default=text("3600"))


class ViewDelivery(Record):
    """How far the webhook of a saved view has come: what it read, and what it has yet to send.

    `turn` grows with each write, so that of several servers one goes on.
    """

    __tablename__ = "view_deliveries"

    view_id: Mapped[int] = mapped_column(
        ForeignKey("saved_views.id", ondelete="CASCADE"), primary_key=True
    )
    turn: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    position: Mapped[int]
    matched: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    newest: Mapped[list[Any]] = mapped_column(default=list, server_default=_EMPTY_LIST)
    message_id: Mapped[str | None]
    message: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    due_at: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    failed_at: Mapped[int | None]


class Export(Owned, Record):
    """An export of the audit logs that a server writes, or has written; `user_id` asked for it.

    `wanted` is what it shall hold, as JSON, and `handed` for whom it acts, until it is finished. It is
    left to the server that writes it until `due_at`. `turn` grows with each step, so that of several
    servers one goes on. Up to the index `checked` nothing that it holds was removed.
    """

    __tablename__ = "exports"
    __table_args__ = (Index("exports_by_account", "account_id"), {"sqlite_autoincrement": True})

    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    format: Mapped[str]
    wanted: Mapped[str]
    handed: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="waiting", server_default="waiting")
    turn: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    due_at: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    written: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    looked_at: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    total: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    checked: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    failure: Mapped[str | None]
    expires_at: Mapped[int | None]


class BrowserSession(Record):
    """A signed-in browser. `name` tells sessions apart in entries, and is no secret."""

    __tablename__ = "sessions"

    id_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[int]
    last_seen_at: Mapped[int]


class Attempt(Record):
    """A minute of failed sign-ins or refusals of one person or address, and of rate limits."""

    __tablename__ = "attempts"

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[int]
    count: Mapped[int]
    events: Mapped[str | None]
    context: Mapped[str | None]
