"""The trail's files in an application that is not Live Agent, over a trail that nobody signs."""

from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import PermissionDeniedException
from litestar.testing import TestClient

from audit_trail.errors import AuditError, CheckpointNotFound, EntryNotFound, QueryRefused
from audit_trail.seal.merkle import leaf_hash
from audit_trail.server.trail_files import trail_files_router
from tests.walk.test_pages import filled

STATUSES = {CheckpointNotFound: 404, EntryNotFound: 404, QueryRefused: 422}


def account_of(request: Request[Any, Any, Any]) -> str:
    """Let in who names an account: a guard as good as any for a test."""
    account = request.headers.get("x-account")
    if account is None:
        raise PermissionDeniedException
    return account


def refusal(_: Request[Any, Any, Any], error: AuditError) -> Response[str]:
    return Response(error.code, status_code=STATUSES[type(error)], media_type="text/plain")


def application(count: int) -> TestClient[Litestar]:
    router = trail_files_router(
        filled(count), path="/trail", account=account_of, fresh=lambda: None
    )
    return TestClient(Litestar([router], exception_handlers={AuditError: refusal}))


def test_the_application_s_guard_says_whose_trail_is_read() -> None:
    with application(3) as client:
        assert client.get("/trail/tile/0/000.p/3").status_code == 403
        found = client.get("/trail/tile/0/000.p/3", headers={"x-account": "1"})
        entries = client.get("/trail/tile/entries/000.p/1", headers={"x-account": "1"})
        assert found.content[:32] == leaf_hash(entries.content[2:])
        asked = client.get("/trail/inclusion?index=0", headers={"x-account": "1"}).json()
        assert (asked["index"], asked["size"], len(asked["hashes"])) == (0, 3, 2)


def test_a_trail_that_nobody_signs_has_no_checkpoint_to_show() -> None:
    with application(3) as client:
        for path in ("checkpoint", "1/proof"):
            answer = client.get(f"/trail/{path}", headers={"x-account": "1"})
            assert (answer.status_code, answer.text) == (404, "checkpoint_not_found")
        assert client.get("/trail/keys", headers={"x-account": "1"}).text == ""


def test_an_account_without_entries_has_nothing_to_prove() -> None:
    with application(0) as client:
        for path in ("inclusion?index=0", "consistency?first=1", "consistency?first=0"):
            assert client.get(f"/trail/{path}", headers={"x-account": "2"}).status_code == 422
