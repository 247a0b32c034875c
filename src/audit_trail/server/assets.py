"""The page's templates and files; an application puts its own in front of them."""

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.router import Router
from litestar.static_files import create_static_files_router

from audit_trail.record.legible import Sign, edges, signs
from audit_trail.server.languages import Languages, install

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
DIGITS: Final = 12

PAGE_HEADERS: Final = {
    # Nothing runs or is styled but what this server serves; nobody frames it or is told where from.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Audit data stays in no cache after its reader has signed out.
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Language, Cookie, HX-Request",
}
"""The headers of every page, full or in part."""


class Assets:
    """Static files under one path. Their addresses change with their content, so they cache for ever."""

    def __init__(self, path: str, directories: Sequence[Path] = (STATIC,)) -> None:
        self._path = path.rstrip("/")
        self._directories = list(directories)
        self._addresses: dict[str, str] = {}

    def address(self, name: str) -> str:
        """Return the file's address, such as `/static/app.css?v=0123456789ab`."""
        if name not in self._addresses:
            found = next(each / name for each in self._directories if (each / name).is_file())
            digest = sha256(found.read_bytes()).hexdigest()[:DIGITS]
            self._addresses[name] = f"{self._path}/{name}?v={digest}"
        return self._addresses[name]

    def router(self) -> Router:
        """Return the route that serves them; it asks nobody to sign in."""
        return create_static_files_router(
            path=self._path,
            directories=list(self._directories),
            cache_control=CacheControlHeader(max_age=31_536_000, public=True, immutable=True),
            include_in_schema=False,
            guards=[_require_file_name],
        )


def _require_file_name(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Ask the file system for plain names alone: it fails at a NUL, and at what is too long."""
    if not re.fullmatch(r"/*[A-Za-z0-9_.-]{1,100}", connection.path_params["file_path"]):
        raise NotFoundException


def page_templates(
    assets: Assets, *loaders: BaseLoader, locales: Sequence[Path] = ()
) -> Environment:
    """Return the page's templates; those of the application's loaders come first.

    An application replaces `layout.html`, which gets what its `Viewer.layout` holds. In `locales`
    lie files of languages beside the page's own, with texts of the application's.
    """
    environment = Environment(
        loader=ChoiceLoader([*loaders, FileSystemLoader(HERE / "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.address
    environment.globals["signs"] = _signs
    install(environment, Languages([HERE / "locale", *locales]))
    return environment


def _signs(text: object, bare: bool | None) -> list[Sign]:
    """Return the pieces of a text of the trail. Unless `bare` is told, nothing stands around it."""
    whole = str(text)
    if bare is not None:
        return signs(whole, bare=bare)
    start, end = edges(whole)
    return [
        *signs(whole[:start], bare=True),
        *signs(whole[start:end]),
        *signs(whole[end:], bare=True),
    ]
