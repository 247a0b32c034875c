"""What a browser sends along with a request, read from its ASGI scope; it lets nobody in."""

import hmac
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.datastructures import Cookie
from litestar.types import HTTPScope

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf_token"
FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def headers_of(scope: HTTPScope) -> dict[str, str]:
    """Return the request's headers; of several with one name the first counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    cookies = [value for name, value in scope["headers"] if name.lower() == b"cookie"]
    return {**found, "cookie": b"; ".join(cookies).decode("latin-1")}


def cookie_in(headers: Mapping[str, str], name: str) -> str | None:
    """Return the value of the cookie that the browser sent."""
    for part in headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value or None
    return None


def session_cookie(name: str, secret: str, seconds: int, *, secure: bool) -> Cookie:
    """Return the cookie that carries a session; no script reads it, and no other site's form sends it."""
    return Cookie(
        key=name,
        value=secret,
        path="/",
        max_age=seconds,
        httponly=True,
        secure=secure,
        samesite="lax",
    )


def is_of_another_site(headers: Mapping[str, str]) -> bool:
    """Tell whether another site's page sent this. Programs send neither of these headers."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and _host_of(origin) != headers.get("host")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None  # Such as an IPv6 address that doesn't end.


async def form_token(headers: Mapping[str, str], request: Request[Any, Any, Any]) -> str:
    """Return the token that a form or a script sent along; empty where none did.

    Raises what `form_texts` raises.
    """
    sent = headers.get(CSRF_HEADER)
    if sent is None and headers.get("content-type", "").startswith(FORMS):
        sent = (await form_texts(request)).get(CSRF_FIELD, ("",))[-1]
    return sent or ""


def is_token(sent: str, expected: str | None) -> bool:
    """Tell whether the token is the session's, in the same time for every wrong one."""
    return hmac.compare_digest(sent.encode(), (expected or "-").encode())


async def form_texts(request: Request[Any, Any, Any]) -> Mapping[str, Sequence[str]]:
    """Return the form's texts by field; a file sent instead of a text is left out.

    Raises `ValueError` or `LookupError` for bytes that aren't text in the charset that they claim,
    or in any; and for lone surrogates, which some charsets hold but no page and no database.
    """
    form = await request.form()
    await form.close()  # Nobody asks for a file.
    sent = {
        name: [value for value in form.getall(name) if isinstance(value, str)] for name in set(form)
    }
    for text in chain.from_iterable(sent.values()):
        text.encode()
    return {name: texts for name, texts in sent.items() if texts}
