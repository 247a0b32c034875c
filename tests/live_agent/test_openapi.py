"""The server does what its OpenAPI document says, whatever is sent: drawn by Schemathesis from the document."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis

# Before a test runs: pytest parses it as it is imported, and Python before 3.11.8 fails where a
# server's thread parses what it logs at the same time (python/cpython#106905).
import schemathesis.specs.openapi.schemas
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.live_agent.office import Place
from tests.live_agent.test_contract import ok

pytestmark = pytest.mark.slow
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS = "/tail"
"""It is told for as long as one listens, and has tests of its own."""


def operations(place: Place) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    document = ok(place.browser().get("/api/openapi.json"))
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert not isinstance(found, Err), found
        operation = found.ok()
        if not operation.path.endswith(ENDLESS):
            yield operation


def foreign(place: Place) -> str:
    """Fill another account, and return a word that only its data have."""
    client = place.client()
    word = f"theirs{place.id}theirs"
    for kind in ("teams", "inboxes"):
        ok(client.post(f"/{kind}", json={"name": word}))
    place.total()
    return word


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_that_the_document_allows_or_forbids_breaks_the_server(
    place: Place, elsewhere: Place, mode: GenerationMode
) -> None:
    word, token = foreign(elsewhere), place.people["administrator"].token
    ok(place.client().post("/teams", json={"name": "Tier 1"}))
    asked = 0
    for operation in operations(place):
        asked += 1
        ask(operation, mode, place, place.office.url, token, word)
        # What isn't the person's own account isn't there at all.
        if "{account_id}" in operation.path:
            ask(operation, mode, elsewhere, place.office.url, token, word, statuses=(401, 404, 405))
    assert asked > 50


def ask(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    account: Place,
    url: str,
    token: str,
    word: str,
    statuses: tuple[int, ...] = (),
) -> None:
    """Send some requests of one operation, and hold each answer against the document."""

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode, path_parameters={"account_id": account.id})
    )
    def sent(case: Case) -> None:
        answer = case.call(base_url=url, headers={"api_access_token": token}, timeout=30)
        case.validate_response(answer, checks=CHECKS)
        assert word.encode() not in answer.content
        assert not statuses or answer.status_code in statuses, answer.text

    sent()
