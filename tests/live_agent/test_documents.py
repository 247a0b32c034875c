"""A list or object is written when it changes as JSON, also where Python sees no difference."""

from typing import Any

import pytest

from tests.live_agent.office import Place
from tests.live_agent.test_contract import RULE, ok

ALIKE: list[tuple[Any, Any]] = [
    (1, True),
    (True, 1),
    (0, False),
    (1, 1.0),
    (1.0, True),
    ([0], [False]),
]


@pytest.mark.parametrize(("before", "after"), ALIKE)
def test_what_python_holds_for_equal_is_written(place: Place, before: Any, after: Any) -> None:
    client = place.client()
    made = ok(client.post("/inboxes", json={"name": "Support", "csat_config": {"on": before}}))
    condition = {"attribute_key": "status", "filter_operator": "equal_to", "query_operator": None}
    action = {"action_name": "add_label"}

    def rule(value: Any) -> dict[str, Any]:
        return {
            **RULE,
            "conditions": [{**condition, "values": [value]}],
            "actions": [{**action, "action_params": [value]}],
        }

    made_rule = ok(client.post("/automation_rules", json=rule(before)))
    place.look_away()
    inbox, path = f"/inboxes/{made['id']}", f"/automation_rules/{made_rule['id']}"
    ok(client.patch(inbox, json={"csat_config": {"on": after}}))
    ok(client.patch(path, json=rule(after)))
    assert repr(ok(client.get(inbox))["csat_config"]) == repr({"on": after})
    assert repr(ok(client.get(path))["payload"]["actions"][0]["action_params"]) == repr([after])
    assert [set(item["audited_changes"]) for item in place.news()] == [
        {"csat_config"},
        {"conditions", "actions"},
    ]


def test_the_order_of_an_object_s_keys_is_no_change(place: Place) -> None:
    client = place.client()
    made = ok(client.post("/inboxes", json={"name": "Support", "csat_config": {"a": 1, "b": 2}}))
    place.look_away()
    ok(client.patch(f"/inboxes/{made['id']}", json={"csat_config": {"b": 2, "a": 1}}))
    assert place.news() == []
