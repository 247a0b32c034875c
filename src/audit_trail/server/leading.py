"""Leads a browser on: to the page after a form, to a sign-in, and from there back to a page of ours."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from audit_trail.server.assets import PAGE_HEADERS

LONGEST_PATH: Final = 2_000


def see_other(address: str, *, cookies: Sequence[Cookie] = ()) -> Response[Any]:
    """Lead on by GET, so that a reload repeats no change."""
    return Redirect(address, status_code=303, headers=PAGE_HEADERS, cookies=list(cookies))


def to_sign_in(request: Request[Any, Any, Any], sign_in: str) -> Response[Any]:
    """Lead to the sign-in at this path, and from there back to what was asked for by GET.

    A part of a page can't be replaced by a sign-in page, so there the browser is told to go.
    """
    if request.headers.get("Accept") == "text/event-stream":
        return Response(None, status_code=401, headers=PAGE_HEADERS)  # No page follows a tail.
    is_part = request.headers.get("HX-Request") == "true"
    query = request.scope["query_string"].decode("latin-1")
    wanted = request.scope["path"] + (f"?{query}" if query else "")
    if is_part:
        host = f"//{request.headers.get('Host', '')}"
        wanted = request.headers.get("HX-Current-URL", "").partition(host)[2]
    address = f"{sign_in}?return={quote(wanted, safe='')}" if request.method == "GET" else sign_in
    if is_part:
        return Response(None, status_code=401, headers={**PAGE_HEADERS, "HX-Redirect": address})
    return see_other(address)


def return_path(wanted: str, below: str) -> str:
    """Return where to go after signing in: a page below this path, never another site's."""
    is_ours = wanted.startswith(below) and wanted.isascii() and wanted.isprintable()
    return wanted if is_ours and "\\" not in wanted and len(wanted) <= LONGEST_PATH else "/"
