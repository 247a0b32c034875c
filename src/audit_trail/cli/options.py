"""Options that several commands of `audit-trail` take."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Store = Annotated[
    str,
    typer.Option(
        envvar="AUDIT_TRAIL_STORE_URL",
        help="The trail's database: sqlite:////path/to/file, or postgresql://..., which is "
        "better left to the environment.",
    ),
]
DatabaseUrl = Annotated[
    str,
    typer.Argument(
        envvar="AUDIT_TRAIL_DATABASE_URL",
        help="The application's database, as the owner of its tables; for run, as the owner of its "
        "outbox. Where the URL holds a password, leave it to the environment.",
    ),
]
LogFormat = Annotated[
    Literal["auto", "json", "console"],
    typer.Option(
        envvar="AUDIT_TRAIL_LOG_FORMAT",
        help="JSON lines, or lines for people; auto takes the latter on a terminal.",
    ),
]
SigningFolder = Annotated[
    Path | None,
    typer.Option(
        "--signing",
        envvar="AUDIT_TRAIL_SIGNING",
        help="The folder of signing.key and heads.log, which are made where they are missing. By "
        "default beside an SQLite trail.",
    ),
]
