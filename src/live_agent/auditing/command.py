"""The commands of `live-agent audit`: they read arguments, and compose the rest."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from live_agent.environment import places_of, signing_of

app = typer.Typer(help="Ask the audit logs, and take them away.", no_args_is_help=True)

CANCELLED: Final = 130
"""What a shell says of a command that Ctrl-C ended."""

Question = Annotated[
    str,
    typer.Argument(metavar="QUESTION", help="As in the search box; none asks for every entry."),
]
Data = Annotated[
    Path,
    typer.Option("--data", envvar="LIVE_AGENT_DATA", help="Directory with the two databases."),
]
Account = Annotated[
    str | None,
    typer.Option(help="The account's id; 0 is the installation's own trail. Needed of several."),
]
Zone = Annotated[
    str | None,
    typer.Option(help="An IANA time zone, for days and times; the account's by default."),
]
Range = Annotated[str | None, typer.Option("--range", help="The last 1h, 24h, 7d, 30d or 90d.")]
Since = Annotated[str | None, typer.Option(help="The first day, such as 2026-11-01.")]
Until = Annotated[str | None, typer.Option(help="The last day.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each entry.")]
OldestFirst = Annotated[bool, typer.Option("--oldest-first", help="Begin with the oldest.")]


@app.command("query")
def query(
    question: Question = "",
    account: Account = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many entries.")] = 25,
    before: Annotated[
        int | None, typer.Option(min=1, help="Only entries older than this number.")
    ] = None,
    after: Annotated[
        int | None, typer.Option(min=1, help="Only entries newer than this number.")
    ] = None,
    range_: Range = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = None,
    oldest_first: OldestFirst = False,
    as_json: AsJson = False,
    data: Data = Path("live-agent-data"),
) -> None:
    """Print the entries that a question finds, the newest first, and how many there are."""
    from live_agent.auditing.printing import print_found
    from live_agent.auditing.reading import reading

    with reading(places_of(data), account, zone) as audit:
        asked = audit.asked(question, range_, since, until, oldest_first=oldest_first)
        print_found(audit, asked, limit, before, after, as_json=as_json)


@app.command("tail")
def tail(
    question: Question = "",
    account: Account = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=100_000, help="How many to begin with.")
    ] = 10,
    follow: Annotated[bool, typer.Option(help="Wait for new ones, until Ctrl-C.")] = True,
    zone: Zone = None,
    as_json: AsJson = False,
    data: Data = Path("live-agent-data"),
) -> None:
    """Print the newest entries that a question finds, and each new one as it comes."""
    from live_agent.auditing.printing import print_tail
    from live_agent.auditing.reading import reading

    with reading(places_of(data), account, zone) as audit:
        asked = audit.asked(question, oldest_first=True)
        try:
            print_tail(audit, asked, lines, follow=follow, as_json=as_json)
        except KeyboardInterrupt:
            return


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(min=1, help="The entry's number, from 1.")],
    account: Account = None,
    zone: Zone = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data: Data = Path("live-agent-data"),
) -> None:
    """Print one entry: who, what, where and when, and each value before and after."""
    from live_agent.auditing.printing import print_entry
    from live_agent.auditing.reading import reading

    with reading(places_of(data), account, zone) as audit:
        print_entry(audit, number, as_json=as_json)


@app.command("catalog")
def catalog(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what is recorded: each entity and event, and what isn't recorded and why."""
    from live_agent.auditing.catalogue import catalogue, json_of
    from live_agent.auditing.printing import print_catalogue

    if as_json:
        typer.echo(json_of(catalogue()))
    else:
        print_catalogue(catalogue())


@app.command("export")
def export(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; it must not be there.")
    ],
    question: Question = "",
    account: Account = None,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"] | None,
        typer.Option("--format", help="By the file's name, if not given."),
    ] = None,
    range_: Range = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = None,
    oldest_first: OldestFirst = False,
    reason: Annotated[str | None, typer.Option(help="Why; the trail keeps it.")] = None,
    ticket: Annotated[str | None, typer.Option(help="The case that asked for it.")] = None,
    data: Data = Path("live-agent-data"),
) -> None:
    """Write all that a question finds into a file, and its manifest beside it.

    An entry says that it was done. Ctrl-C cancels; nothing is left then.
    """
    from live_agent.auditing.exporting import export_found, form_of
    from live_agent.auditing.reading import reading

    chosen = form_of(output, form)
    with reading(places_of(data), account, zone, signing=signing_of(data)) as audit:
        asked = audit.asked(question, range_, since, until, oldest_first=oldest_first)
        try:
            said = export_found(audit, asked, chosen, output, reason, ticket)
        except KeyboardInterrupt:
            typer.echo("live-agent: the export was cancelled; nothing is left of it.", err=True)
            raise typer.Exit(CANCELLED) from None
    typer.echo(said)
