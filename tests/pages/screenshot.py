"""The pictures of the README: the demo's list, and an entry's window over it.

Beside each lies the text that it shows. `python -m tests.pages.screenshot` makes them anew; a test
makes them elsewhere, and compares the texts.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.commands.processes import demo
from tests.pages.browsing import chromium

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
ROWS = 8
SIZE: ViewportSize = {"width": 1280, "height": 800}
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome Safari"


GREETING = (
    "Hello and welcome to Alder Travel. Our agents are here from eight to eight on weekdays and "
    "until two on Saturdays. Please have your booking number ready, and we will answer within "
    "five minutes."
)


def shoot(browser: Browser, folder: Path) -> None:
    """Start the demo, change an inbox as its administrator, and take list and window."""
    with tempfile.TemporaryDirectory() as data, demo(Path(data)) as started:
        context = browser.new_context(
            base_url=started.facts["base_url"],
            viewport=SIZE,
            timezone_id="Europe/Berlin",
            user_agent=BROWSER,
        )
        page = context.new_page()
        _change_an_inbox(page, started.facts["users"]["administrator"])
        page.get_by_role("link", name="Audit Logs").click()
        expect(page.get_by_role("figure")).to_be_visible()
        _take(page, folder / "audit-logs", _rows(page))
        page.get_by_role("link", name="Updated an inbox").first.click()
        window = page.get_by_role("dialog")
        expect(window).to_have_css("opacity", "1")
        title = window.locator("h2")
        _take(page, folder / "entry", [title.inner_text(), *_panels(page)])
        context.close()


def _change_an_inbox(page: Page, person: dict[str, str]) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").fill(person["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Support", exact=True).click()
    page.get_by_label("Greeting message").fill(GREETING)
    page.get_by_role("combobox", name="Saturday").select_option("open")
    page.get_by_label("Saturday from").fill("10:00")
    page.get_by_label("Saturday to").fill("14:00")
    page.get_by_label("Consider conversation count").uncheck()
    page.get_by_role("button", name="Save").click()


def _rows(page: Page) -> list[str]:
    """What the first rows say, but for their times; all of them are in sight with any font."""
    rows = page.locator("tbody tr:has(.open)").all()[:ROWS]
    return [
        " | ".join(_line(row.locator(f".{cell}").inner_text()) for cell in ("by", "what", "where"))
        for row in rows
    ]


def _panels(page: Page) -> list[str]:
    return [_line(body.inner_text()) for body in page.locator(".changes tbody").all()]


def _line(text: str) -> str:
    return " ".join(text.split())


def _take(page: Page, picture: Path, text: list[str]) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=picture.with_suffix(".png"), animations="disabled")
    picture.with_suffix(".txt").write_text("\n".join([*text, ""]))


def main() -> None:
    """Make the pictures anew."""
    with chromium() as browser:
        shoot(browser, PICTURES)


if __name__ == "__main__":
    main()
