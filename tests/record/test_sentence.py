"""What an entry says in words, literally."""

import msgspec
import pytest

from audit_trail.record.catalog import Catalog, Field, Kind, spelled, titled, with_article
from audit_trail.record.entry import (
    ActorId,
    Entity,
    ErasedWhat,
    ErasedWho,
    Public,
    Reference,
    Via,
    What,
    Who,
)
from audit_trail.record.sentence import (
    activity,
    actor_called,
    actor_name,
    principals,
    summary,
    via_name,
)

CATALOG = Catalog(
    kinds={
        "inbox": Kind(
            name="inbox", fields={"webhook_url": Field(), "tz": Field(label="time zone")}
        ),
        "automation_rule": Kind(name="automation rule"),
        "account_user": Kind(name="agent"),
        "webhook": Kind(name="webhook", with_reference=("inbox_id", "inbox webhook")),
    },
    events={"snoozed": "Put it off"},
)


def public(action: str, kind: str = "inbox", number: str | None = "1", **more: object) -> Public:
    told = Public(
        v=1,
        id="00000000-0000-7000-8000-000000000000",
        account="1",
        occurred_at=0,
        recorded_at=0,
        action=action,
        outcome="success",
        entity=Entity(type=kind, id=number),
        actor=ActorId(kind="user", id="7"),
        via="ui",
    )
    return msgspec.structs.replace(told, **more)


@pytest.mark.parametrize(
    ("action", "kind", "number", "sentence"),
    [
        ("create", "inbox", "24725", "Created a new inbox (#24725)"),
        ("update", "inbox", "1564", "Updated an inbox (#1564)"),
        ("delete", "automation_rule", "376", "Deleted an automation rule (#376)"),
        ("update", "user", "7", "Updated a user (#7)"),
        ("delete", "account_user", "7", "Deleted an agent (#7)"),
        ("create", "account_user", "7", "Created a new agent (#7)"),
        ("delete", "access_token", "3", "Deleted an access token (#3)"),
        ("update", "webhook", "3", "Updated a webhook (#3)"),
        ("update", "team_member", "5", "Updated a team member (#5)"),
        ("delete", "unicorn", "5", "Deleted a unicorn (#5)"),
        ("delete", "egg", None, "Deleted an egg"),
        ("sign_in", "user", "7", "Signed in"),
        ("sign_in_failed", "user", None, "Failed to sign in"),
        ("sign_out", "user", None, "Signed out"),
        ("export", "audit_log", None, "Exported audit logs"),
        ("read_denied", "audit_log", None, "Was refused the audit logs"),
        ("erase", "audit_log", None, "Erased personal data"),
        ("change_retention", "audit_log", None, "Changed retention"),
        ("place_hold", "audit_log", None, "Placed a legal hold"),
        ("lift_hold", "audit_log", None, "Lifted a legal hold"),
        ("drop", "audit_log", None, "Dropped expired entries"),
        ("unreadable", "unknown", None, "Made a change that can't be read"),
        ("snoozed", "inbox", None, "Put it off"),
        ("taught_a_parrot", "parrot", "2", "Taught a parrot"),
    ],
)
def test_the_activity_reads_as_it_is_written_here(
    action: str, kind: str, number: str | None, sentence: str
) -> None:
    assert activity(public(action, kind, number), What(), CATALOG) == sentence


def test_a_webhook_that_belongs_to_an_inbox_is_an_inbox_webhook() -> None:
    what = What(references={"inbox_id": Reference(table="inboxes", label="Support")})
    assert activity(public("delete", "webhook", "3"), what, CATALOG) == (
        "Deleted an inbox webhook (#3)"
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ((), "Support"),
        (("name",), "Support · name"),
        (("name", "webhook_url"), "Support · name, webhook URL"),
        (("name", "webhook_url", "tz"), "Support · name, webhook URL, time zone"),
        (("name", "tz", "a", "b"), "Support · name, time zone and 2 more"),
    ],
)
def test_the_quiet_line_of_an_update_names_the_record_and_the_fields(
    fields: tuple[str, ...], line: str
) -> None:
    assert summary(public("update", fields=fields), What(label="Support"), CATALOG) == line


@pytest.mark.parametrize(
    ("action", "what", "line"),
    [
        ("create", What(label="Support"), "Support"),
        ("create", What(), ""),
        (
            "delete",
            What(label="Ada · Support", details={"went_with": "inbox"}),
            "Ada · Support · went with its inbox",
        ),
        ("update", What(details={"went_with": "automation_rule"}), "lost its automation rule"),
        ("sign_in_failed", What(details={"reason": "wrong password"}), "wrong password"),
        ("read_denied", What(details={"count": 1}), "1 more time within a minute"),
        ("read_denied", What(details={"count": 4}), "4 more times within a minute"),
        ("update", What(unreadable={"why": "so"}), "could not be read"),
        ("update", What(details={"went_with": ["a", "list"], "count": {}}), ""),
    ],
)
def test_the_quiet_line_says_what_the_entry_went_with(action: str, what: What, line: str) -> None:
    assert summary(public(action), what, CATALOG) == line


@pytest.mark.parametrize(
    ("kind", "email", "name", "shown"),
    [
        ("user", "user@cognigy.com", "Ada", "user@cognigy.com"),
        ("user", None, "Ada", "Ada"),
        ("system", None, None, "System"),
        ("anonymous", None, None, "Anonymous"),
        ("api_token", None, None, "API token"),
        ("ai_agent", None, None, "AI agent"),
        ("agent_bot", None, None, "Agent bot"),
    ],
)
def test_the_user_is_the_e_mail_or_else_what_acted(
    kind: str, email: str | None, name: str | None, shown: str
) -> None:
    assert actor_name(public("update", actor=ActorId(kind=kind)), email, name) == shown  # type: ignore[arg-type]


def test_of_a_name_that_was_erased_the_kind_and_the_number_are_left() -> None:
    acted_for = (ActorId(kind="api_token", id="9"), ActorId(kind="user", id="8"))
    erased = public("update", on_behalf_of=acted_for)
    called = [actor_called(erased, ErasedWho()), *principals(erased, ErasedWho())]
    assert [each.name for each in called] == ["User (#7)", "API token (#9)", "User (#8)"]
    assert {each.notes for each in called} == {("erased",)}
    assert actor_called(erased, Who()).notes == ()


def test_of_what_was_erased_the_names_of_the_fields_are_left() -> None:
    erased = public("update", fields=("webhook_url", "tz"))
    assert activity(erased, ErasedWhat(), CATALOG) == "Updated an inbox (#1)"
    assert summary(erased, ErasedWhat(), CATALOG) == "erased · webhook URL, time zone"


def test_those_acted_for_keep_their_places_when_one_has_no_name() -> None:
    acted_for = (ActorId(kind="automation", id="4"), ActorId(kind="user", id="8"))
    named = Who(on_behalf_of=({}, {"email": "ada@example.com", "token": "ci"}, {"name": "Bob"}, {}))
    assert [
        (each.name, each.token)
        for each in principals(public("update", on_behalf_of=acted_for), named)
    ] == [
        ("Automation (#4)", ""),
        ("ada@example.com", "ci"),
        ("Bob", ""),
        ("Unknown", ""),
    ]


def test_an_e_mail_that_nobody_proved_is_noted_as_such() -> None:
    failed = public("sign_in_failed", actor=ActorId(kind="anonymous"))
    assert actor_called(failed, Who(email="ada@example.com")).notes == ("Anonymous",)


@pytest.mark.parametrize(
    ("via", "shown"),
    [
        ("ui", "Web"),
        ("api", "API"),
        ("job", "Job"),
        ("automation", "Automation"),
        ("cli", "Command line"),
        ("database", "Database"),
        ("import", "Import"),
    ],
)
def test_where_an_act_came_in_reads_as_a_word(via: Via, shown: str) -> None:
    assert via_name(public("update", via=via)) == shown


@pytest.mark.parametrize(
    ("column", "label", "title"),
    [
        ("webhook_url", "webhook URL", "Webhook URL"),
        ("enable_conversation_count", "enable conversation count", "Enable Conversation Count"),
        ("inbox_id", "inbox", "Inbox"),
        ("id", "ID", "ID"),
        ("_", "_", "_"),
        ("channel.webhook_url", "channel webhook URL", "Channel Webhook URL"),
        ("über_name", "über name", "Über Name"),
    ],
)
def test_a_column_that_the_catalog_does_not_know_is_spelled(
    column: str, label: str, title: str
) -> None:
    assert spelled(column) == label
    assert titled(Catalog().field("inbox", column).label or "") == title


@pytest.mark.parametrize(
    "named",
    ["a user", "an inbox", "a unit", "an umbrella", "an agent", "a label", "an update", "a "],
)
def test_the_article_goes_by_the_sound(named: str) -> None:
    assert with_article(named.split(" ", 1)[1]) == named
