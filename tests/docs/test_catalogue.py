"""The page of the catalogue is as the catalogue says."""

from live_agent.auditing.catalogue import catalogue, markdown_of
from tests.docs.catalogue import PAGE


def test_the_page_is_as_generated() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown_of(catalogue()), (
        "Run: python -m tests.docs.catalogue"
    )
