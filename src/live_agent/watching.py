"""Live Agent's watch list: what is recorded, how it is named, what is secret, what is left out."""

from typing import Final

from audit_trail.capture.watch import Membership, Reference, Table, WatchList
from audit_trail.past import Identities, Roles

_AGENT: Final = Reference(
    table="account_users",
    columns=("user_id", "account_id"),
    target=("user_id", "account_id"),
    label="name",
    label_table="users",
    label_key="id",
)
_PERSON: Final = Reference(table="users", columns=("user_id",), label="name")
_INBOX: Final = Reference(table="inboxes", columns=("inbox_id",), label="name")
_SKILL: Final = Reference(table="skills", columns=("skill_id",), label="name")
_TEAM: Final = Reference(table="teams", columns=("team_id",), label="name")

WATCH: Final = WatchList(
    tables=(
        # An account's own birth and death belong to the installation's trail.
        Table(name="accounts", entity="account", account=None, label=("name",)),
        Table(
            name="users",
            entity="user",
            account=Membership(table="account_users", record="user_id", account="account_id"),
            label=("name",),
            secrets=frozenset({"password_hash"}),
            operations=frozenset({"update"}),
            left_out="a new person is recorded as the account's new agent; nobody deletes people",
        ),
        Table(
            name="account_users",
            entity="account_user",
            identity="user_id",
            label=("user_id",),
            references=(_PERSON,),
        ),
        Table(
            name="inboxes",
            entity="inbox",
            label=("name",),
            secrets=frozenset({"hmac_token"}),
        ),
        Table(
            name="inbox_members",
            entity="inbox_member",
            label=("user_id", "inbox_id"),
            references=(_AGENT, _INBOX),
        ),
        Table(name="teams", entity="team", label=("name",)),
        Table(
            name="team_members",
            entity="team_member",
            label=("user_id", "team_id"),
            references=(_AGENT, _TEAM),
        ),
        Table(
            name="webhooks",
            entity="webhook",
            label=("inbox_id", "url"),
            references=(_INBOX,),
            secrets=frozenset({"secret"}),
        ),
        Table(name="agent_bots", entity="agent_bot", label=("name",), references=(_INBOX,)),
        Table(name="automation_rules", entity="automation_rule", label=("name",)),
        # A token without a scope opens all its person's accounts, and so belongs to each of them.
        Table(
            name="access_tokens",
            entity="access_token",
            account=Membership(
                table="account_users",
                record="user_id",
                account="account_id",
                by="user_id",
                alone="account_id",
            ),
            label=("name",),
            references=(_AGENT,),
            secrets=frozenset({"token_hash"}),
        ),
        Table(
            name="saved_views",
            entity="saved_view",
            label=("name",),
            references=(_PERSON,),
            secrets=frozenset({"webhook_secret"}),
        ),
        Table(name="labels", entity="label", label=("title",)),
        Table(name="canned_responses", entity="canned_response", label=("short_code",)),
        Table(name="macros", entity="macro", label=("name",), references=(_PERSON,)),
        Table(name="skills", entity="skill", label=("name",)),
        Table(
            name="agent_skills",
            entity="agent_skill",
            label=("user_id", "skill_id"),
            references=(_AGENT, _SKILL),
        ),
        Table(
            name="conversations",
            entity="conversation",
            label=("contact_name",),
            references=(_INBOX,),
            operations=frozenset({"delete"}),
            left_out="conversations come and change with every message, which is no configuration",
        ),
    ),
    ignored={
        "exports": "each export is an entry of its own, before anybody can have the file",
        "view_deliveries": "how far a view's webhook has come, which nobody chose",
        "sessions": "each sign-in and sign-out is an entry of its own",
        "attempts": "a minute's count, which becomes an entry when the minute ends",
        "alembic_version": "the schema's own version, which only a migration writes",
    },
)

IDENTITIES: Final[Identities] = {table.entity: table.moving for table in WATCH.tables}
ROLES: Final = Roles("account_user", "role", person=("user", "name"))
"""Who has which role is told by the memberships."""
