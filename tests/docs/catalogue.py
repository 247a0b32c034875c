"""Writes `docs/catalogue.md` anew: what is recorded, as the catalogue has it."""

from pathlib import Path
from typing import Final

from live_agent.auditing.catalogue import catalogue, markdown_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "catalogue.md"


def main() -> None:
    PAGE.write_text(markdown_of(catalogue()), encoding="utf-8")


if __name__ == "__main__":
    main()
