"""The page of the comparison: what was found as tables, and each aim with its verdict."""

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from bench.paired import Ratio
from bench.peers.cost import OURS, Cost, Costs
from bench.peers.found import APART, Found, Library
from bench.run import ROOT, machine, put

COMMAND = 'make peers ARGS="--write"'
SOUND = ("recorded", "none")
OF_AUDITLOG, OF_CONTINUUM = 15, 100
PACKAGES = (
    *("django", "django-auditlog", "django-easy-audit", "django-pghistory", "django-pgtrigger"),
    *("django-simple-history", "sqlalchemy-continuum", "postgresql-audit", "psycopg"),
)


def write(found: Sequence[Found], is_written: bool, *, is_brief: bool = False) -> Iterator[str]:
    """Yield the page's parts, and put them between its markers where asked.

    Of a brief run only the verdicts are put there, for its figures mean nothing.
    """
    parts = {"paths": paths(found)}
    if not is_brief:
        parts |= {"aims": aims(found), "costs": costs(found), "bytes": sizes(found)}
        parts |= {"taken": taken()}
    for name, text in parts.items():
        yield text
        if is_written:
            put(ROOT / "docs/comparison.md", name, f"{text}\n")


def taken() -> str:
    """Say where, when and with what the figures were taken."""
    return f"Taken in one run by `{COMMAND}` on one machine: {machine()}; {_versions()}."


def aims(found: Sequence[Found]) -> str:
    """Each aim with what was measured, and whether it was met; and where others do better."""
    rows = [("nothing missed, nothing wrong, no ghost, on any path", *_amiss(found))]
    for each in found:
        for stack, library, least in (
            ("django", "django-auditlog", OF_AUDITLOG),
            ("sqlalchemy", "sqlalchemy-continuum", OF_CONTINUUM),
        ):
            for where in ("", APART):
                if cost := _first_cost(each, stack + where, library):
                    aim = f"{each.kind}{where}: {library} adds at least {least} times what ours adds to a save"
                    verdict = (
                        cost.to_ours.at_least(least) if cost.to_ours else "not distinguishable"
                    )
                    rows.append((aim, _times(cost), verdict))
        for statement, levels in each.levels.items():
            for level in levels:
                if level.ours_to_theirs and level.library.startswith("django-pghistory"):
                    aim = f"{statement}: ours / {level.library}, at most 1.0"
                    ratio = level.ours_to_theirs
                    rows.append((aim, str(ratio), ratio.verdict(1.0)))
    text = table(("aim", "measured", "verdict"), rows)
    better = list(losses(found))
    if better:
        text += "\n\nWhere another does better than ours:\n\n"
        text += "\n".join(f"- {each}" for each in better)
    return text


def _amiss(found: Sequence[Found]) -> tuple[str, str]:
    paths = [
        (f"{each.kind}, {stack}: {path}: {verdict}", verdict)
        for each in found
        for (stack, library), verdicts in each.verdicts.items()
        if library == OURS
        for path, verdict in verdicts.items()
    ]
    amiss = [text for text, verdict in paths if verdict not in SOUND]
    said = "; ".join(amiss) or f"{len(paths)} of {len(paths)} paths sound"
    return said, "missed" if amiss else "met"


def losses(found: Sequence[Found]) -> Iterator[str]:
    """Say where another costs less, or takes less room."""
    for each in found:
        for stack, taken_costs in each.costs.items():
            for costs_of_way in taken_costs:
                for cost in costs_of_way.costs:
                    if cost.to_ours and cost.library != OURS and cost.to_ours.high < 1:
                        yield (
                            f"{each.kind}, {stack}: {costs_of_way.way}: {cost.library} adds "
                            f"{cost.to_ours} times what ours adds."
                        )
        for statement, levels in each.levels.items():
            for level in levels:
                if level.ours_to_theirs and level.ours_to_theirs.low > 1:
                    yield f"{statement}, in SQL: ours takes {level.ours_to_theirs} times as long as {level.library}."
        own = each.trail_bytes
        for (_, library), size in each.bytes.items():
            if own and library != OURS and size < own:
                yield f"An entry of {library} takes {size:,.0f} bytes, one of our trail {own:,.0f}."


def _first_cost(found: Found, stack: str, library: str) -> Cost | None:
    costs_of_stack = found.costs.get(stack)
    if not costs_of_stack:
        return None
    return next((each for each in costs_of_stack[0].costs if each.library == library), None)


def paths(found: Sequence[Found]) -> str:
    """What each library's log says of each path; of SQLite, where it says otherwise."""
    last = found[-1]
    libraries = list(last.verdicts)
    names = dict.fromkeys(path for verdicts in last.verdicts.values() for path in verdicts)
    rows = [
        (path, *(_shown(last.verdicts[library].get(path)) for library in libraries))
        for path in names
    ]
    rows.append(("**amiss**", *(f"**{_count_amiss(last.verdicts[each])}**" for each in libraries)))
    text = table((f"path, on {last.kind}", *map(_called, libraries)), rows)
    for other in found[:-1]:
        differing = [
            f"{_called(library)}: {path}: {verdict}"
            for library, verdicts in other.verdicts.items()
            for path, verdict in verdicts.items()
            if verdict != last.verdicts.get(library, {}).get(path)
        ]
        said = "; ".join(differing) or "each says the same of each path"
        text += f"\n\nOn {other.kind}, of {len(other.verdicts)} that work there: {said}."
    return text


def _called(library: Library) -> str:
    stack, name = library
    return f"ours, {'Django' if stack == 'django' else 'SQLAlchemy'}" if name == OURS else name


def _shown(verdict: str | None) -> str:
    if verdict is None:
        return "-"
    return "✓" if verdict in SOUND else verdict


def _count_amiss(verdicts: dict[str, str]) -> int:
    return sum(verdict not in SOUND for verdict in verdicts.values())


def costs(found: Sequence[Found]) -> str:
    """What a save costs with each library, then the triggers by themselves."""
    texts: list[str] = []
    for each in found:
        for stack, ways in each.costs.items():
            texts += _costs_of(f"{each.kind}, {stack}", ways)
        for statement, levels in each.levels.items():
            rows = [
                (level.library, _us(level.added), str(level.ours_to_theirs or ""))
                for level in levels
            ]
            title = f"{each.kind}, SQL alone: {statement}; bare {levels[0].bare_us:,.0f} µs"
            texts.append(table((title, "added µs", "ours / theirs, whole statement"), rows))
    return "\n\n".join(texts)


def _costs_of(title: str, ways: Sequence[Costs]) -> Iterator[str]:
    """A table of one stack: a column for each way, a row for each library."""
    head = [f"{title}: added µs"]
    head += [f"{each.way}; bare {each.costs[0].bare_us:,.0f} µs" for each in ways]
    libraries = [cost.library for cost in ways[0].costs]
    yield table(head, [(name, *(_cell(way.of(name)) for way in ways)) for name in libraries])
    sequenced = [f"{each.sequencer_us:,.0f}" for each in ways if each.sequencer_us is not None]
    yield (
        f"Behind the application, our sequencer takes {', '.join(sequenced)} µs an entry, from "
        "the outbox into a signed trail."
    )


def _cell(cost: Cost) -> str:
    if cost.library == OURS or cost.to_ours is None:
        return _us(cost.added)
    return f"{_us(cost.added)}; {_times(cost)} times ours"


def _times(cost: Cost) -> str:
    return str(cost.to_ours or "what ours adds can't be told from nothing")


def _us(added: Ratio) -> str:
    return f"{added.median:,.0f} (95 %: {added.low:,.0f} to {added.high:,.0f})"


def sizes(found: Sequence[Found]) -> str:
    """What the entry of an update of three fields takes."""
    rows = []
    for each in found:
        for library, size in each.bytes.items():
            called = f"{_called(library)}, in the outbox" if library[1] == OURS else library[1]
            rows.append((called, f"{size:,.0f}"))
        if each.trail_bytes:
            rows.append(("ours, in the trail, signed", f"{each.trail_bytes:,.0f}"))
    return table(("log", "bytes an entry, indexes included"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _versions() -> str:
    told = []
    for package in PACKAGES:
        try:
            told.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            told.append(f"no {package}")
    return ", ".join(told)
