"""The pictures of the README: the demo's list, and an entry's window over it.

`python -m tests.pages.screenshot` makes them anew; the tests only look whether they can be made.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect

from tests.commands.processes import demo
from tests.pages.browsing import chromium

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
SIZE: ViewportSize = {"width": 1280, "height": 800}
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome Safari"


GREETING = (
    "Hello and welcome to Alder Travel. Our agents are here from eight to eight on weekdays and "
    "until two on Saturdays. Please have your booking number ready, and we will answer within "
    "five minutes."
)


def shoot(page: Page, folder: Path) -> None:
    """Take the list that lies open, and its newest update of an inbox in the window."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / "audit-logs.png", animations="disabled")
    page.get_by_role("link", name="Updated an inbox").first.click()
    expect(page.get_by_role("dialog")).to_have_css("opacity", "1")
    page.screenshot(path=folder / "entry.png", animations="disabled")


def main() -> None:
    """Start the demo, change an inbox as its administrator, and take the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        demo(Path(folder)) as started,
        chromium() as browser,
    ):
        person = started.facts["users"]["administrator"]
        context = browser.new_context(
            base_url=started.facts["base_url"],
            viewport=SIZE,
            timezone_id="Europe/Berlin",
            user_agent=BROWSER,
        )
        page = context.new_page()
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
        page.get_by_role("link", name="Audit Logs").click()
        shoot(page, PICTURES)


if __name__ == "__main__":
    main()
