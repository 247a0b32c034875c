"""The whole site: the REST API and the pages in one application."""

from collections.abc import Sequence
from pathlib import Path

from litestar import Litestar

from live_agent.app import create_app
from live_agent.pages.router import LOCALE, pages
from live_agent.services import Services


def create_site(services: Services, locales: Sequence[Path] = (LOCALE,)) -> Litestar:
    """Return Live Agent as people and programs use it; in `locales` lie its languages' files."""
    drawn = pages(services, locales)
    return create_app(services, extra_routes=drawn.routers, html_error=drawn.refusals.answer)
