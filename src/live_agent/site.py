"""The whole site: the REST API and the pages in one application."""

from litestar import Litestar

from live_agent.app import create_app
from live_agent.pages.router import pages
from live_agent.services import Services


def create_site(services: Services) -> Litestar:
    """Return Live Agent as people and programs use it."""
    drawn = pages(services)
    return create_app(services, extra_routes=drawn.routers, html_error=drawn.refusals.answer)
