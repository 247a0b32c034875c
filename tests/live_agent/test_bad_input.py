"""Whatever comes in, the answer is a clear error in the contract's form, and nothing is written."""

from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live_agent.office import Place
from tests.live_agent.test_contract import RULE, ok

pytestmark = pytest.mark.both_engines


def refused(answer: httpx2.Response, *attributes: str) -> dict[str, Any]:
    assert answer.status_code == 422, answer.text
    body: dict[str, Any] = answer.json()
    assert body["error"] == body["message"] != ""
    assert body["attributes"] == list(attributes)
    assert [error["field"] for error in body["errors"]] == list(attributes)
    return body


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[1, 2]", "The body must be a JSON object."),
        (b'"text"', "The body must be a JSON object."),
        (b"null", "The body must be a JSON object."),
        (b"{", "The body must be valid JSON in UTF-8."),
        (b'{"name": NaN}', "The body must be valid JSON in UTF-8."),
        (b"\xff\xfe", "The body must be valid JSON in UTF-8."),
        (b'{"name": "\\ud800"}', "The body must be valid JSON in UTF-8."),
        (b'{"name": "\\udc00 x"}', "The body must be valid JSON in UTF-8."),
        (b'{"a":' * 5_000, "The body is nested too deeply."),
        (b'{"name": 1e400}', "The body must be valid JSON in UTF-8."),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(place: Place, body: bytes, message: str) -> None:
    answer = place.client().post("/teams", content=body)
    assert refused(answer)["message"] == message
    assert place.news() == []


def test_an_oversized_body_is_refused(place: Place) -> None:
    answer = place.client().post("/teams", json={"name": "x" * 1_100_000})
    assert answer.status_code == 413
    assert answer.json()["message"] == "The body must be at most 1,048,576 bytes long."


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("=cmd()", "Name must not start with =."),
        ("  =cmd()", "Name must not start with =."),
        ("", "Name is required."),
        ("   ", "Name is required."),
        (None, "Name is required."),
        (7, "Name must be text."),
        (["a"], "Name must be text."),
        ("a\u0000b", "Name must not contain control characters."),
        ("a\nb", "Name must not contain control characters."),
        ("x" * 256, "Name must be at most 255 characters long."),
        ("x", "Name must be at least 2 characters long."),
    ],
)
def test_a_bad_name_is_refused_and_the_message_says_why(
    place: Place, name: object, message: str
) -> None:
    assert refused(place.client().post("/teams", json={"name": name}), "name")["message"] == message


def test_every_wrong_field_is_named_at_once(place: Place) -> None:
    body = {
        "name": "=x",
        "webhook_url": "ftp://a.example/",
        "greeting_enabled": "yes",
        "timezone": "Mars/Olympus",
        "working_hours": [{"day_of_week": 8}],
    }
    refused(
        place.client().post("/inboxes", json=body),
        "name",
        "webhook_url",
        "greeting_enabled",
        "timezone",
        "working_hours",
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("javascript:alert(1)", "URL must start with http:// or https://."),
        ("//a.example/", "URL must start with http:// or https://."),
        ("https://", "URL must name a host."),
        ("https:///path", "URL must name a host."),
        ("https://a example/", "URL must not contain spaces or control characters."),
        ("https://a.example:99999/", "URL must be a valid URL."),
        ("https://[::1/", "URL must be a valid URL."),
        ("https://u:p@a.example/", "URL must not contain a user name or password."),
        ("https://a.example/" + "x" * 2_048, "URL must be at most 2,048 characters long."),
        (12, "URL must be a URL."),
        (None, "URL is required."),
    ],
)
def test_a_bad_url_is_refused(place: Place, url: object, message: str) -> None:
    assert refused(place.client().post("/webhooks", json={"url": url}), "url")["message"] == message


@pytest.mark.parametrize(
    "resource", ["inboxes", "teams", "agent_bots", "automation_rules", "skills"]
)
def test_a_name_in_use_is_refused_also_when_renaming(place: Place, resource: str) -> None:
    client = place.client()
    body = {**RULE} if resource == "automation_rules" else {}
    ok(client.post(f"/{resource}", json={**body, "name": "One"}))
    other = ok(client.post(f"/{resource}", json={**body, "name": "Two"}))["id"]
    refused(client.post(f"/{resource}", json={**body, "name": "One"}), "name")
    refused(client.patch(f"/{resource}/{other}", json={"name": "One"}), "name")
    ok(client.patch(f"/{resource}/{other}", json={"name": "Two"}))


@pytest.mark.parametrize(
    "resource", ["inboxes", "teams", "agent_bots", "automation_rules", "skills"]
)
def test_a_name_may_be_in_use_in_another_account(
    place: Place, elsewhere: Place, resource: str
) -> None:
    body = {**RULE} if resource == "automation_rules" else {}
    for each in (place, elsewhere):
        ok(each.client().post(f"/{resource}", json={**body, "name": "Same"}))


def test_a_title_or_short_code_in_use_is_refused(place: Place) -> None:
    client = place.client()
    for path, field, body in (
        ("/labels", "title", {"title": "urgent"}),
        ("/canned_responses", "short_code", {"short_code": "hi", "content": "Hello"}),
    ):
        ok(client.post(path, json=body))
        other = ok(client.post(path, json={**body, field: "another"}))["id"]
        label = field.replace("_", " ").capitalize()
        answer = refused(client.post(path, json=body), field)
        assert answer["message"] == f"{label} is already in use; choose another."
        refused(client.patch(f"{path}/{other}", json={field: body[field]}), field)


@pytest.mark.parametrize(
    ("change", "attribute"),
    [
        ({"locale": "English"}, "locale"),
        ({"domain": "alder"}, "domain"),
        ({"domain": "https://alder.example"}, "domain"),
        ({"support_email": "alder"}, "support_email"),
        ({"auto_resolve_duration": 0}, "auto_resolve_duration"),
        ({"auto_resolve_duration": 1_000}, "auto_resolve_duration"),
        ({"audit_reads": 1}, "audit_reads"),
    ],
)
def test_what_an_account_can_t_be_is_refused(
    place: Place, change: dict[str, Any], attribute: str
) -> None:
    refused(place.client().patch("", json=change), attribute)
    assert place.news() == []


@pytest.mark.parametrize(
    "change",
    [
        {"event_name": "conversation_exploded"},
        {"event_name": None},
        {"conditions": "all"},
        {"conditions": [1]},
        {"conditions": [{"attribute_key": "mood", "filter_operator": "equal_to", "values": [1]}]},
        {"conditions": [{"attribute_key": "status", "filter_operator": "like", "values": [1]}]},
        {"conditions": [{"attribute_key": "status", "filter_operator": "equal_to", "values": []}]},
        {"conditions": [{"attribute_key": "status", "filter_operator": "equal_to", "values": "a"}]},
        {"conditions": [{"attribute_key": "status", "filter_operator": "is_present"}] * 2},
        {"actions": [{"action_name": "explode", "action_params": []}]},
        {"actions": [{"action_name": "add_label", "action_params": []}]},
        {"actions": [{"action_name": "add_label", "action_params": ["a\u0000"]}]},
        {"actions": [{"action_name": "add_label", "action_params": [2**70]}]},
        {"actions": [{"action_name": "mute_conversation"}] * 51},
        {"active": "yes"},
        {"active": 1},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(place: Place, change: dict[str, Any]) -> None:
    refused(place.client().post("/automation_rules", json={**RULE, **change}), *change)


@pytest.mark.parametrize(
    ("path", "body", "attribute"),
    [
        ("/agents", {"name": "Mia", "email": "mia", "role": "agent"}, "email"),
        ("/agents", {"name": "Mia", "email": "mia@a.example", "role": "owner"}, "role"),
        (
            "/agents",
            {"name": "Mia", "email": "mia@a.example", "availability": "asleep"},
            "availability",
        ),
        ("/agents", {"name": "Mia", "email": "mia@a.example", "password": "short"}, "password"),
        (
            "/webhooks",
            {"url": "https://a.example/", "subscriptions": ["earthquake"]},
            "subscriptions",
        ),
        ("/webhooks", {"url": "https://a.example/", "subscriptions": "all"}, "subscriptions"),
        ("/webhooks", {"url": "https://a.example/", "inbox_id": 10**6}, "inbox_id"),
        ("/webhooks", {"url": "https://a.example/", "inbox_id": 2**70}, "inbox_id"),
        ("/webhooks", {"url": "https://a.example/", "inbox_id": True}, "inbox_id"),
        ("/webhooks", {"url": "https://a.example/", "secret": "short"}, "secret"),
        ("/agent_bots", {"name": "Sum", "inbox_id": "1"}, "inbox_id"),
        ("/agent_bots", {"name": "Sum", "outgoing_url": "a.example"}, "outgoing_url"),
        ("/inboxes", {"name": "Support", "channel": {"type": "web_widget"}}, "channel"),
        ("/inboxes", {"name": "Support", "channel": "api"}, "channel"),
        ("/inboxes", {"name": "Support", "csat_config": []}, "csat_config"),
        ("/inboxes", {"name": "Support", "project_id": "p" * 256}, "project_id"),
        ("/inbox_members", {"user_ids": [1]}, "inbox_id"),
        ("/labels", {"title": "two words"}, "title"),
        ("/labels", {"title": "urgent", "color": "red"}, "color"),
        ("/labels", {"title": "urgent", "show_on_sidebar": "yes"}, "show_on_sidebar"),
        ("/canned_responses", {"short_code": "h i", "content": "Hello"}, "short_code"),
        ("/canned_responses", {"short_code": "hi"}, "content"),
        ("/canned_responses", {"short_code": "hi", "content": " "}, "content"),
        ("/macros", {"name": "Close", "visibility": "secret"}, "visibility"),
        ("/macros", {"name": "Close", "actions": [{"action_name": "explode"}]}, "actions"),
        ("/skills", {"name": "  "}, "name"),
        ("/conversations", {}, "inbox_id"),
        ("/conversations", {"inbox_id": 10**6}, "inbox_id"),
        ("/inbox_members", {"inbox_id": "1", "user_ids": [1]}, "inbox_id"),
    ],
)
def test_what_a_field_can_t_be_is_refused(
    place: Place, path: str, body: dict[str, Any], attribute: str
) -> None:
    refused(place.client().post(path, json=body), attribute)
    assert place.news() == []


@pytest.mark.parametrize("user_ids", [None, "1", [0], [-1], [True], ["1"], [2**70], [10**6], {}])
def test_members_must_be_agents_of_the_account(place: Place, user_ids: object) -> None:
    team = ok(place.client().post("/teams", json={"name": "Tier 1"}))["id"]
    answer = place.client().post(f"/teams/{team}/team_members", json={"user_ids": user_ids})
    refused(answer, "user_ids")


def test_people_of_another_account_can_t_be_members(place: Place, elsewhere: Place) -> None:
    client = place.client()
    inbox = ok(client.post("/inboxes", json={"name": "Support"}))["id"]
    place.look_away()
    ids = [place.people["agent"].id, elsewhere.people["agent"].id]
    for method in ("POST", "PATCH", "DELETE"):
        body = {"inbox_id": inbox, "user_ids": ids}
        refused(client.request(method, "/inbox_members", json=body), "user_ids")
    assert place.news() == []


def test_an_inbox_of_another_account_can_t_be_chosen(place: Place, elsewhere: Place) -> None:
    foreign = ok(elsewhere.client().post("/inboxes", json={"name": "Support"}))["id"]
    client = place.client()
    refused(client.post("/agent_bots", json={"name": "Sum", "inbox_id": foreign}), "inbox_id")
    body = {"inbox_id": foreign, "user_ids": [place.people["agent"].id]}
    assert client.post("/inbox_members", json=body).status_code == 404


def test_an_agent_can_t_be_invited_twice(place: Place) -> None:
    body = {"name": "Again", "email": place.people["agent"].email.upper(), "role": "agent"}
    refused(place.client().post("/agents", json=body), "email")


@pytest.mark.parametrize(
    "path",
    [
        "/inboxes/x",
        "/inboxes/0",
        "/inboxes/-1",
        "/inboxes/1.5",
        f"/inboxes/{2**63}",
        f"/inboxes/{'9' * 5000}",
        "/inboxes/%00",
        "/nothing",
        "/teams/1/nothing",
    ],
)
def test_unknown_addresses_and_ids_are_not_found(place: Place, path: str) -> None:
    answer = place.client().get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == answer.json()["message"]


@pytest.mark.parametrize("account", ["x", "0", "-1", str(2**70), "9" * 5000, "1%2F2"])
def test_unknown_accounts_are_not_found(place: Place, account: str) -> None:
    headers = {"api_access_token": place.people["administrator"].token}
    answer = httpx2.get(
        f"{place.office.url}/api/v1/accounts/{account}/teams", headers=headers, timeout=30
    )
    assert answer.status_code == 404


def test_a_wrong_method_is_answered_in_json(place: Place) -> None:
    answer = place.client().put("/teams", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; x\r\n\r\n\r\n--b--",
        ),
        ("application/x-www-form-urlencoded", b"%ff=%00&csrf_token=%ed%a0%80"),
        ("application/x-www-form-urlencoded", b"x=1&" * 5_000),
    ],
)
def test_a_broken_form_over_a_session_is_refused(
    place: Place, content_type: str, body: bytes
) -> None:
    browser, _ = place.signed_in()
    path = f"/api/v1/accounts/{place.id}/teams"
    answer = browser.post(path, content=body, headers={"Content-Type": content_type})
    assert answer.status_code in (403, 422), answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/inboxes/%FF",
        "/inboxes/%ED%A0%80",
        "/audit_logs?q=%FF%00",
        "/audit_logs?page=%D9%A1",
        "/audit_logs?types[]=%00",
    ],
)
def test_odd_bytes_in_an_address_are_no_failure(place: Place, path: str) -> None:
    assert place.client().get(path).status_code in (200, 400, 404, 422)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELD_NAMES = [
    "name",
    "url",
    "channel",
    "timezone",
    "working_hours",
    "csat_config",
    "conditions",
    "actions",
    "event_name",
    "subscriptions",
    "inbox_id",
    "user_ids",
    "role",
    "email",
    "active",
    "description",
    "agent_bot",
    "password",
    "hmac_token",
    "greeting_message",
    "team",
    "inbox",
    "title",
    "color",
    "short_code",
    "content",
    "visibility",
]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(
        [
            "/inboxes",
            "/teams",
            "/webhooks",
            "/agent_bots",
            "/automation_rules",
            "/agents",
            "/inbox_members",
            "/labels",
            "/canned_responses",
            "/macros",
            "/skills",
            "/conversations",
        ]
    ),
    body=st.dictionaries(st.sampled_from(FIELD_NAMES), JSON, max_size=6),
)
def test_no_body_whatever_makes_the_server_fail(
    place: Place, path: str, body: dict[str, Any]
) -> None:
    answer = place.client().post(path, json=body)
    assert answer.status_code in (200, 404, 422), answer.text
