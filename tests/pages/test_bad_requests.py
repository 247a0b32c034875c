"""Whatever a request holds, it is answered with what is wrong with it, and nothing fails."""

import socket

import httpx2
import pytest

from tests.live_agent.office import PASSWORD, Office, Place

MULTIPART = {"content-type": "multipart/form-data; boundary=B"}


def part(name: str, value: bytes, charset: str = "", file: str = "") -> bytes:
    """One field of a multipart form, byte for byte."""
    named = f'form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
    head = f"--B\r\nContent-Disposition: {named}\r\n"
    typed = f"Content-Type: text/plain; charset={charset}\r\n" if charset else ""
    return f"{head}{typed}\r\n".encode() + value + b"\r\n"


UNREADABLE = {
    "no UTF-8": part("name", b"\xff\xfe"),
    "an unknown charset": part("name", b"x", "foo"),
    "a charset that is no text": part("name", b"78", "hex"),
    "bytes outside their charset": part("name", b"\xff", "ascii"),
    "a lone surrogate": part("name", b"+2AA-", "utf-7"),
}


@pytest.mark.parametrize("sent", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_form_that_can_t_be_read_is_refused(place: Place, sent: bytes) -> None:
    browser, csrf = place.signed_in()
    place.look_away()
    settings = f"/app/accounts/{place.id}/settings"
    token = part("csrf_token", csrf.encode())
    for path, headers, form in (
        ("/sign-in", {}, sent.replace(b'"name"', b'"email"')),
        (f"{settings}/inboxes/new", {}, token + sent),
        (f"{settings}/teams/new", {"x-csrf-token": csrf}, sent),
        (f"/api/v1/accounts/{place.id}/teams", {}, token + sent),
    ):
        answer = browser.post(path, content=form + b"--B--\r\n", headers={**MULTIPART, **headers})
        assert answer.status_code == 422, f"{path}: {answer.status_code}"
        assert "UTF-8" in answer.text
    assert place.news() == []


def test_a_file_in_place_of_a_text_is_left_out(place: Place) -> None:
    browser, csrf = place.signed_in()
    token = part("csrf_token", csrf.encode())
    of_file = part("csrf_token", csrf.encode(), file="token.txt")
    path = f"/app/accounts/{place.id}/settings/teams/new"
    for sent, status in ((of_file, 403), (token + part("name", b"Team", file="name.txt"), 422)):
        answer = browser.post(path, content=sent + b"--B--\r\n", headers=MULTIPART)
        assert answer.status_code == status
    signing = part("email", b"a@b.example", file="email.txt") + part("password", b"x")
    answer = place.browser().post("/sign-in", content=signing + b"--B--\r\n", headers=MULTIPART)
    assert answer.status_code == 422


@pytest.mark.parametrize("origin", ["http://[::1", "//", "http://", "null", ""])
def test_an_origin_that_names_no_host_is_another_site(place: Place, origin: str) -> None:
    body = {"email": place.people["agent"].email, "password": PASSWORD}
    for path in ("/auth/sign_in", "/sign-in"):
        answer = place.browser().post(path, json=body, headers={"origin": origin})
        assert answer.status_code == 403


@pytest.mark.parametrize("host", [b"[::1", b"x:y", b"x:99999", b"a@b:c", b""])
def test_a_host_that_is_none_is_answered_all_the_same(place: Place, host: bytes) -> None:
    browser, _ = place.signed_in()
    cookie = f"live_agent_session={browser.cookies['live_agent_session']}".encode()
    settings = f"/app/accounts/{place.id}/settings".encode()
    for path, headers, status in (
        (b"/nowhere", b"", 404),
        (b"/api/nowhere", b"", 404),
        (settings + b"/inboxes", b"", 303),
        (settings + b"/audit-logs/newest", b"HX-Request: true\r\nHX-Current-URL: //\r\n", 401),
        (settings + b"/inboxes", b"Cookie: " + cookie + b"\r\n", 200),
        (settings + b"/audit-logs", b"Cookie: " + cookie + b"\r\n", 200),
        (settings + b"/inboxes/99999", b"Cookie: " + cookie + b"\r\n", 404),
    ):
        assert status_of(place.office, path, b"Host: " + host + b"\r\n" + headers) == status, path


def status_of(office: Office, path: bytes, headers: bytes) -> int:
    """Send a request that no client would, and return the answer's status."""
    url = httpx2.URL(office.url)
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(
            b"GET " + path + b" HTTP/1.1\r\nConnection: close\r\nAccept: text/html\r\n"
            + headers + b"\r\n"
        )  # fmt: skip
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("name", ["x" * 300, "%00", "x%00.css", "%FF", "..%2Fbase.py", "a/b", ""])
def test_a_file_that_is_none_is_not_found(place: Place, name: str) -> None:
    browser = place.browser()
    assert browser.get("/static/app.css").status_code == 200
    assert browser.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("write", ["٣{}", "0{}", "+{}", "{}_0", " {}", "{} ", "-{}", "{}.0"])
def test_a_number_is_written_in_plain_digits_or_not_found(place: Place, write: str) -> None:
    inbox = place.client().post("/inboxes", json={"name": "Support"}).json()["id"]
    arabic = str(inbox).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    browser, _ = place.signed_in()
    for number in (write.format(inbox), arabic):
        for path in (
            f"/app/accounts/{place.id}/settings/inboxes/{number}",
            f"/app/accounts/{number}/settings/inboxes",
            f"/api/v1/accounts/{place.id}/inboxes/{number}",
            f"/api/v1/accounts/{place.id}/audit_logs/{number}",
        ):
            assert browser.get(path).status_code == 404, path
    assert browser.get(f"/app/accounts/{place.id}/settings//inboxes/{inbox}/").status_code == 200
