"""Real Chromium, signed in as the people of an account; what a page complains of fails its test."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.live_agent.office import PASSWORD, Office, Place

NAMES = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the installed Chromium; nothing is downloaded."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=_path(), args=list(FLAGS))
        yield browser
        browser.close()


def _path() -> str:
    names = [os.environ["LIVE_AGENT_CHROMIUM"]] if "LIVE_AGENT_CHROMIUM" in os.environ else NAMES
    found = next((path for path in map(shutil.which, names) if path), None)
    assert found, f"Chromium is missing: install it, or name it in LIVE_AGENT_CHROMIUM ({names})."
    return found


class Browsing:
    """Opens pages, and keeps what they complain of."""

    def __init__(self, browser: Browser, office: Office) -> None:
        self._browser = browser
        self._office = office
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def stranger(self, **options: Any) -> Page:
        """Return a page of somebody who isn't signed in."""
        options = {
            "timezone_id": "Europe/Berlin",
            "viewport": {"width": 1280, "height": 800},
        } | options
        context = self._browser.new_context(base_url=self._office.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._heard(message.type, message.text))
        return page

    def member(self, place: Place, role: str = "administrator", **options: Any) -> Page:
        """Return a page of a person who has signed in."""
        page = self.stranger(**options)
        answer = page.context.request.post(
            "/sign-in",
            form={"email": place.people[role].email, "password": PASSWORD},
            max_redirects=0,
        )
        assert answer.status == 303, answer.text()
        return page

    def close(self) -> None:
        while self._contexts:
            self._contexts.pop().close()

    def _heard(self, kind: str, text: str) -> None:
        # Chromium reports every refused request itself; that one was meant to be refused.
        if kind in ("error", "warning") and "the server responded with a status of 4" not in text:
            self.complaints.append(text)


def settings(place: Place, part: str) -> str:
    """Return the path of one of the account's settings pages."""
    return f"/app/accounts/{place.id}/settings/{part}"


OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that can tell another theme from the first: the page is the same but for its colours."""


def violations(page: Page, only: Sequence[str] = ()) -> list[str]:
    """Return what axe finds wrong with the page as it is, by all rules or by some."""
    page.evaluate(_axe())
    found = page.evaluate(
        "only => axe.run(document, {resultTypes: ['violations'],"
        " ...(only.length ? {runOnly: {type: 'rule', values: only}} : {})})",
        list(only),
    )
    return [
        f"{page.url}: {each['id']}: {node['html'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def focused(page: Page) -> str:
    """Return the text of what has the focus."""
    return str(page.evaluate("document.activeElement.textContent.trim()"))


@cache
def _axe() -> str:
    folder = Path(axe_playwright_python.__file__).parent
    return next(folder.rglob("axe.min.js")).read_text()
