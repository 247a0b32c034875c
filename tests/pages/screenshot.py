"""The picture of the README: an entry's window over the demo's list.

`python -m tests.pages.screenshot` makes it anew; the tests only look whether it can be made.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.commands.processes import demo
from tests.pages.browsing import chromium

PICTURE = Path(__file__).parents[2] / "docs" / "screenshots" / "audit-logs.png"
SIZE = {"width": 1280, "height": 800}


def shoot(page: Page, path: Path) -> None:
    """Take the picture of a list that lies open: the update with the most to see in its window."""
    updates = page.get_by_role("link", name="Updated an inbox")
    page.get_by_role("link").and_(updates).first.click()
    window = page.get_by_role("dialog")
    expect(window).to_have_css("opacity", "1")
    page.evaluate("document.activeElement.blur()")
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, animations="disabled")


def main() -> None:
    """Start the demo, sign in as its administrator, and take the picture."""
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder)) as started, chromium() as browser:
        person = started.facts["users"]["administrator"]
        context = browser.new_context(
            base_url=started.facts["base_url"], viewport=SIZE, timezone_id="Europe/Berlin"
        )
        page = context.new_page()
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(person["email"])
        page.get_by_label("Password").fill(person["password"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Audit Logs").click()
        shoot(page, PICTURE)


if __name__ == "__main__":
    main()
