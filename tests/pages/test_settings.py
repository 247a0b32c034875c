"""The settings pages: what administrators change on them, and what is refused."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.live_agent.office import Place
from tests.pages.browsing import Browsing, settings

pytestmark = pytest.mark.browser


def save(page: Page, said: str, name: str = "Save") -> None:
    """Send the page's form, and wait for what is said about it."""
    page.locator("main form").get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("status").first).to_have_text(said)


def activities(page: Page, place: Place) -> list[str]:
    """Return the sentences of the newest entries without their numbers, oldest first."""
    page.goto(settings(place, "audit-logs"))
    sentences = page.locator("a.open").all_inner_texts()[::-1]
    since = len(sentences) - sentences[::-1].index("Signed in")
    return [re.sub(r" \(#\d+\)$", "", sentence) for sentence in sentences[since:]]


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_an_inbox_lives_on_its_pages(place: Place, browsing: Browsing, script: bool) -> None:
    page = browsing.member(place, java_script_enabled=script)
    page.goto(settings(place, "inboxes"))
    page.get_by_role("link", name="Create an inbox").click()
    page.get_by_label("Name").fill("Support")
    save(page, "Created.", "Create inbox")
    page.get_by_label("Greet new conversations").check()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Friday to").fill("15:00")
    page.get_by_role("combobox", name="Saturday").select_option("open")
    save(page, "Saved.")
    page.get_by_role("link", name="Collaborators").click()
    page.get_by_label(re.compile("^Agent ")).check()
    save(page, "Saved.")
    page.get_by_role("link", name="Configuration").click()
    page.get_by_label("Webhook URL").fill("https://desk.example/handover/liveagent")
    page.get_by_label("Project ID").fill("p-17")
    save(page, "Saved.")
    page.get_by_role("link", name="Add a webhook").click()
    page.get_by_label("URL", exact=True).fill("https://crm.example/hooks")
    page.get_by_label("Conversation created").check()
    save(page, "Added.", "Add webhook")
    page.get_by_role("link", name="https://crm.example/hooks", exact=True).click()
    page.get_by_label("Message created").check()
    save(page, "Saved.")
    page.get_by_role("link", name="Delete https://crm.example/hooks").click()
    save(page, "Deleted.", "Delete webhook")
    page.get_by_role("link", name="Copilot Bots").click()
    page.get_by_role("link", name="Add a bot").click()
    page.get_by_label("Name").fill("Summaries")
    page.get_by_label("Endpoint Config URL").fill("https://bots.example/summaries")
    save(page, "Added.", "Add bot")
    page.get_by_role("link", name="Summaries", exact=True).click()
    page.get_by_label("Description").fill("Sums up a conversation")
    save(page, "Saved.")
    page.get_by_role("link", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete Support?")
    page.get_by_label("Type the name").fill("support")
    page.get_by_role("button", name="Delete inbox").click()
    expect(page.get_by_role("alert")).to_contain_text("This isn't the name")
    page.get_by_label("Type the name").fill("Support")
    save(page, "Deleted.", "Delete inbox")

    sentences = activities(page, place)
    assert sentences[:10] == [
        "Created a new inbox",
        "Updated an inbox",
        "Created a new inbox collaborator",
        "Updated an inbox",
        "Created a new inbox webhook",
        "Updated an inbox webhook",
        "Deleted an inbox webhook",
        "Created a new agent copilot bot",
        "Updated an agent copilot bot",
        "Deleted an inbox",
    ]
    assert sorted(sentences[10:]) == [
        "Deleted an inbox collaborator",
        "Updated an agent copilot bot",
    ]
    page.get_by_role("link", name=re.compile("^Created a new inbox webhook")).click()
    expect(
        page.get_by_role("heading", name=re.compile("Created a new inbox webhook"))
    ).to_be_visible()
    expect(page.locator(".changes")).to_contain_text("conversation created")


def test_saving_what_nobody_changed_leaves_no_entry(place: Place, browsing: Browsing) -> None:
    client = place.client()
    number = client.post("/inboxes", json={"name": "Support", "greeting_message": "Hi"}).json()[
        "id"
    ]
    rule = client.post(
        "/automation_rules",
        json={
            "name": "Escalate",
            "event_name": "conversation_created",
            "conditions": [
                {
                    "attribute_key": "content",
                    "filter_operator": "contains",
                    "values": ["a, b", "c"],
                    "query_operator": None,
                }
            ],
            "actions": [
                {"action_name": "send_message", "action_params": ["Two\nlines, one value"]}
            ],
        },
    ).json()["id"]
    page = browsing.member(place)
    before = place.total()
    for part in (
        f"inboxes/{number}",
        f"inboxes/{number}/collaborators",
        f"inboxes/{number}/configuration",
        f"automation-rules/{rule}",
        f"agents/{place.people['agent'].id}",
    ):
        page.goto(settings(place, part))
        save(page, "Saved.")
    assert place.total() == before


def test_what_is_refused_comes_back_beside_its_field(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "inboxes/new"))
    page.get_by_label("Name").fill("=cmd|' /C calc'!A0")
    page.get_by_label("Webhook URL").fill("ftp://desk.example")
    page.get_by_role("button", name="Create inbox").click()
    expect(page.get_by_role("alert")).to_be_focused()
    name, url = page.get_by_label("Name"), page.get_by_label("Webhook URL")
    expect(name).to_have_value("=cmd|' /C calc'!A0")
    expect(url).to_have_value("ftp://desk.example")
    expect(name).to_have_accessible_description(re.compile("Name must not start with =."))
    expect(url).to_have_attribute("aria-invalid", "true")
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(name).to_be_focused()
    place.client().post("/inboxes", json={"name": "Support"})
    name.fill("Support")
    url.fill("")
    page.get_by_role("button", name="Create inbox").click()
    expect(name).to_have_accessible_description(re.compile("already in use"))


def test_a_week_that_closes_before_it_opens_is_refused(place: Place, browsing: Browsing) -> None:
    number = place.client().post("/inboxes", json={"name": "Support"}).json()["id"]
    page = browsing.member(place)
    page.goto(settings(place, f"inboxes/{number}"))
    page.get_by_label("Monday from").fill("19:00")
    page.get_by_label("Out-of-office message").fill("Back soon")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("must close after they open on Monday")
    expect(page.get_by_label("Monday from")).to_have_value("19:00")
    expect(page.get_by_label("Out-of-office message")).to_have_value("Back soon")


def test_a_team_keeps_its_members(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "teams/new"))
    page.get_by_label("Name").fill("W")
    page.get_by_label(re.compile("^Agent ")).check()
    page.get_by_role("button", name="Create team").click()
    expect(page.get_by_role("alert")).to_contain_text("at least 2 characters")
    expect(page.get_by_label(re.compile("^Agent "))).to_be_checked()
    page.get_by_label("Name").fill("Weekend")
    save(page, "Created.", "Create team")
    page.get_by_role("link", name="Weekend", exact=True).click()
    expect(page.get_by_label(re.compile("^Agent "))).to_be_checked()
    page.get_by_label(re.compile("^Agent ")).uncheck()
    page.get_by_label(re.compile("^Supervisor ")).check()
    save(page, "Saved.")
    page.get_by_role("link", name="Delete Weekend").click()
    page.get_by_label("Type the name").fill("Weekend")
    save(page, "Deleted.", "Delete team")
    expect(page.locator("main")).to_contain_text("There is no team yet")
    sentences = activities(page, place)
    assert sentences[:4] == [
        "Created a new team",
        "Created a new team member",
        "Deleted a team member",
        "Created a new team member",
    ]
    assert sorted(sentences[4:]) == ["Deleted a team", "Deleted a team member"]


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_an_automation_rule_is_made_cloned_and_switched(
    place: Place, browsing: Browsing, script: bool
) -> None:
    team = place.client().post("/teams", json={"name": "Tier 2"}).json()["id"]
    page = browsing.member(place, java_script_enabled=script)
    page.goto(settings(place, "automation-rules"))
    page.get_by_role("link", name="Create a rule").click()
    page.get_by_label("Name").fill("Escalate")
    page.get_by_label("Condition 1, attribute").select_option("status")
    page.get_by_label("Condition 1, values").fill("open\npending")
    page.get_by_role("button", name="Add another condition").click()
    expect(page.get_by_label("Condition 2, attribute")).to_be_focused()
    page.get_by_label("Condition 1, joined to the next by").select_option("or")
    page.get_by_label("Condition 2, attribute").select_option("priority")
    page.get_by_label("Condition 2, operator").select_option("is_present")
    page.get_by_role("combobox", name="Action 1").select_option("assign_team")
    page.get_by_label("Action 1, values").fill("tier 2")
    save(page, "Created.", "Create rule")
    rule = place.client().get("/automation_rules").json()["payload"][0]
    assert [each["values"] for each in rule["conditions"]] == [["open", "pending"], []]
    assert [each["query_operator"] for each in rule["conditions"]] == ["or", None]
    assert rule["actions"] == [{"action_name": "assign_team", "action_params": [team]}]

    page.get_by_role("link", name="Escalate", exact=True).click()
    expect(page.get_by_label("Action 1, values")).to_have_value(f"Tier 2 (#{team})")
    page.get_by_label("Action 2, values").fill("something")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose what to do in action 2.")
    page.get_by_role("button", name="Remove action 2").click()
    expect(page.get_by_role("combobox", name="Action 2")).to_be_focused()
    expect(page.get_by_role("combobox", name="Action 3")).to_have_count(0)
    expect(page.get_by_label("Action 1, values")).to_have_value(f"Tier 2 (#{team})")
    page.get_by_role("button", name="Remove condition 1").click()
    expect(page.get_by_role("combobox", name="Condition 1, attribute")).to_have_value("priority")
    page.get_by_label("Name").press("Enter")
    expect(page.get_by_role("status").first).to_have_text("Saved.")
    rule = place.client().get("/automation_rules").json()["payload"][0]
    assert [each["attribute_key"] for each in rule["conditions"]] == ["priority"]
    assert rule["actions"] == [{"action_name": "assign_team", "action_params": [team]}]
    for button, said in (
        ("Clone Escalate", "Cloned. The copy is inactive."),
        ("Deactivate Escalate", "Deactivated."),
        ("Activate Escalate (copy)", "Activated."),
    ):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("status").first).to_have_text(said)
    page.get_by_role("link", name="Delete Escalate", exact=True).click()
    save(page, "Deleted.", "Delete rule")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_agents_are_added_changed_and_removed(place: Place, browsing: Browsing) -> None:
    email = f"ana.{place.id}@alder.example"
    page = browsing.member(place)
    page.goto(settings(place, "agents/new"))
    page.get_by_label("Name").fill("Ana Ruiz")
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_label("Password").fill("long enough to pass")
    page.get_by_role("button", name="Add agent").click()
    expect(page.get_by_label("E-mail")).to_have_accessible_description(
        re.compile("must be an e-mail")
    )
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("long enough to pass")
    save(page, "Added.", "Add agent")
    page.get_by_role("link", name="Ana Ruiz", exact=True).click()
    expect(page.get_by_label("E-mail")).to_have_value(email)
    page.get_by_label("Role").select_option("supervisor")
    save(page, "Saved.")
    expect(page.locator("tr", has_text="Ana Ruiz")).to_contain_text("Supervisor")
    page.get_by_role("link", name="Remove Ana Ruiz").click()
    expect(page.locator("main")).to_contain_text("What they did stays in the audit logs.")
    save(page, "Removed.", "Remove agent")
    assert activities(page, place) == [
        "Created a new agent",
        "Updated an agent",
        "Deleted an agent",
    ]
    administrator = place.people["administrator"].id
    page.goto(settings(place, f"agents/{administrator}/remove"))
    page.get_by_role("button", name="Remove agent").click()
    expect(page.get_by_role("alert")).to_contain_text("only administrator")


def test_an_invited_person_is_given_a_password_and_signs_in(
    place: Place, browsing: Browsing
) -> None:
    email = f"ana.{place.id}@alder.example"
    page = browsing.member(place)
    page.goto(settings(place, "agents/new"))
    page.get_by_label("Name").fill("Ana Ruiz")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Role").select_option("administrator")
    save(page, "Added.", "Add agent")
    page.get_by_role("link", name="Ana Ruiz", exact=True).click()
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Password")).to_have_accessible_description(re.compile("8 to 255"))
    page.get_by_label("Password").fill("long enough to pass")
    save(page, "Saved.")
    page.get_by_role("link", name="Ana Ruiz", exact=True).click()
    expect(page.get_by_label("Password")).to_have_count(0)
    assert activities(page, place) == ["Created a new agent", "Updated a user"]

    page.goto(settings(place, f"agents/{place.people['administrator'].id}/remove"))
    page.get_by_role("button", name="Remove agent").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You belong to no account")
    page.get_by_role("link", name="Sign in as somebody else").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("long enough to pass")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Audit Logs")).to_be_visible()


def test_a_bot_of_another_inbox_can_be_assigned(place: Place, browsing: Browsing) -> None:
    client = place.client()
    first = client.post("/inboxes", json={"name": "Support"}).json()["id"]
    second = client.post("/inboxes", json={"name": "Sales"}).json()["id"]
    client.post("/agent_bots", json={"name": "Summaries", "inbox_id": first})
    page = browsing.member(place)
    page.goto(settings(place, f"inboxes/{second}/bots"))
    expect(page.get_by_label("Assign a bot that exists")).to_contain_text("Summaries (Support)")
    save(page, "Assigned.", "Assign")
    expect(page.locator("tbody")).to_contain_text("Summaries")
    page.goto(settings(place, f"inboxes/{first}/bots"))
    expect(page.locator("main")).to_contain_text("This inbox has no bot yet.")


def test_a_bot_is_released_from_its_inbox(place: Place, browsing: Browsing) -> None:
    client = place.client()
    inbox = client.post("/inboxes", json={"name": "Support"}).json()["id"]
    bot = client.post("/agent_bots", json={"name": "Summaries", "inbox_id": inbox}).json()["id"]
    page = browsing.member(place, java_script_enabled=False)
    page.goto(settings(place, f"inboxes/{inbox}/bots"))
    page.get_by_role("button", name="Release Summaries").click()
    expect(page.get_by_role("status").first).to_have_text("Released.")
    expect(page.locator("main")).to_contain_text("This inbox has no bot yet.")
    expect(page.get_by_label("Assign a bot that exists")).to_contain_text("serves no inbox")
    assert client.get(f"/agent_bots/{bot}").json()["inbox_id"] is None
    assert activities(page, place) == ["Updated an agent copilot bot"]


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_only_days_with_hours_ask_for_them(place: Place, browsing: Browsing, script: bool) -> None:
    number = place.client().post("/inboxes", json={"name": "Support"}).json()["id"]
    page = browsing.member(place, java_script_enabled=script)
    page.goto(settings(place, f"inboxes/{number}"))
    expect(page.get_by_label("Monday from")).to_be_visible()
    expect(page.get_by_label("Sunday from")).to_be_hidden()
    page.get_by_role("combobox", name="Sunday").select_option("open")
    expect(page.get_by_label("Sunday from")).to_be_visible()
    page.get_by_role("combobox", name="Monday").select_option("all_day")
    expect(page.get_by_label("Monday to")).to_be_hidden()


def test_the_cells_of_a_list_keep_their_names_on_a_small_screen(
    place: Place, browsing: Browsing
) -> None:
    client = place.client()
    inbox = client.post("/inboxes", json={"name": "Support"}).json()["id"]
    client.post("/teams", json={"name": "Tier 1"})
    client.post("/agent_bots", json={"name": "Bot", "inbox_id": inbox, "outgoing_url": "https://b"})
    client.post("/webhooks", json={"url": "https://h.example", "inbox_id": inbox})
    page = browsing.member(place, viewport={"width": 320, "height": 640})
    for part, labels in (
        ("agents", ["E-mail", "Role", "Availability"]),
        ("teams", ["Auto assign"]),
        ("inboxes", ["Greeting"]),
        (f"inboxes/{inbox}/configuration", ["Subscriptions"]),
        (f"inboxes/{inbox}/bots", ["Endpoint Config URL"]),
    ):
        page.goto(settings(place, part))
        named = (
            page.locator("tbody tr")
            .first.locator("td:not(.does)")
            .evaluate_all(
                """all => all.filter(each => each.checkVisibility())
                .map(each => getComputedStyle(each, "::before").content)"""
            )
        )
        assert named == [f'"{label}: "' for label in labels], part


def test_the_ids_of_an_inbox_can_be_copied(place: Place, browsing: Browsing) -> None:
    number = place.client().post("/inboxes", json={"name": "Support"}).json()["id"]
    page = browsing.member(place, permissions=["clipboard-read", "clipboard-write"])
    page.goto(settings(place, f"inboxes/{number}/configuration"))
    page.get_by_role("button", name="Copy Inbox ID", exact=True).click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == str(number)


def test_a_message_is_said_once(place: Place, browsing: Browsing) -> None:
    page = browsing.member(place)
    page.goto(settings(place, "teams/new"))
    page.get_by_label("Name").fill("Weekend")
    save(page, "Created.", "Create team")
    page.reload()
    expect(page.locator(".flash")).to_have_count(0)
