"""A mistake in the file is told with its place, and with what may be meant; nothing is changed by it."""

from pathlib import Path

import pytest

from audit_trail.attaching.config import read_config, understand
from audit_trail.errors import ConfigRefused
from tests.attach.installation import SqliteInstallation

TEXTS = [
    ("acounts = 'accounts'", "at the top: there is no key acounts. Did you mean accounts?"),
    (
        "[tables.teams]\nentty = 'team'",
        "in [tables.teams]: there is no key entty. Did you mean entity?",
    ),
    (
        "[tables.teams]\nlabel = 'name'",
        "in [tables.teams]: Expected `array`, got `str`, at `label`.",
    ),
    ("[tables.teams]\naccount = 1.5", "in [tables.teams]: Expected"),
    ("[tables.teams]\naccount = -1", "account = -1 is no account's number"),
    ("[tables.teams]\naccount = []", "an empty list names no column"),
    ("[tables.teams]\noperations = ['updat']", "Invalid enum value 'updat', at `operations[0]`."),
    (
        "[tables.teams]\npart_of = { table = 'x', prefix = 'y', colum = 'z' }",
        "unknown field `colum`, at `part_of`. Did you mean column?",
    ),
    ("[tables.teams.references]\nuser_id = 3", "in [tables.teams]: Expected"),
    ("[ignored]\nparrots = ''", 'in [ignored]: say why parrots isn\'t recorded, as "why".'),
    ("[tables.x]\n[ignored]\nx = 'y'", "in [ignored]: x is also in [tables.x]."),
    ("tables = 3", "tables and ignored must be sections"),
    ("[tables", "it is no TOML: "),
    ("x = 1\nx = 2", "it is no TOML: Cannot overwrite a value"),
]


@pytest.mark.parametrize(("text", "said"), TEXTS, ids=[text for text, _ in TEXTS])
def test_what_the_file_says_wrongly_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        understand(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no file"),
        (b"\xff\xfe", "isn't UTF-8"),
        (b"x", "capture.toml: it is no TOML"),
    ],
)
def test_a_file_that_can_not_be_read_is_told_by_its_name(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "capture.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigRefused, match=str(path)) as refused:
        read_config(path)
    assert said in str(refused.value)


SCHEMA = (
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE teams (id INTEGER PRIMARY KEY, account_id INTEGER, name TEXT, api_token TEXT)",
    "CREATE TABLE members (id INTEGER PRIMARY KEY, account_id INTEGER, team_id INTEGER)",
    "CREATE TABLE visits (at TEXT, what TEXT)",
)
GIVEN = """
accounts = "accounts"
[tables.accounts]
[tables.teams]
account = "account_id"
label = ["name"]
[tables.members]
account = "account_id"
references = { team_id = "teams" }
[ignored]
visits = "they say nothing"
"""
CHANGES = [
    ("[ignored]\nvisits", "[ignored]\nvisit", "there is no table visit. Did you mean visits?"),
    ('visits = "they say nothing"', "", "tables that the file doesn't name: visits."),
    ('visits = "they say nothing"', "", "add [tables.visits]; else say why not, under [ignored]"),
    ("tables.teams]", "tables.taems]", "there is no table taems. Did you mean teams?"),
    (
        '["name"]',
        '["nam"]',
        "in [tables.teams], label: teams has no column nam. Did you mean name?",
    ),
    ('["name"]', '["name"]\nsecrets = ["tokn"]', "in [tables.teams], secrets: teams has no column"),
    ('["name"]', '["name"]\nsecrets = ["name"]', "name is the key, the account or a label"),
    ('["name"]', '["name"]\nkey = "ids"', "in [tables.teams], key: teams has no column ids"),
    ('["name"]', '["name"]\nidentity = "nmae"', "in [tables.teams], identity: teams has no column"),
    (
        '["name"]',
        '["name"]\nunwatched = ["x"]',
        "in [tables.teams], unwatched: teams has no column x",
    ),
    (
        'team_id = "teams"',
        'team_id = "team"',
        "[tables.members], references.team_id: there is no table",
    ),
    (
        'team_id = "teams"',
        'teams_id = "teams"',
        "members has no column teams_id. Did you mean team_id?",
    ),
    (
        'team_id = "teams"',
        'team_id = { table = "teams", label = "title" }',
        "references.team_id: teams has no column title",
    ),
    (
        'accounts = "accounts"',
        'accounts = "account"',
        "at the top: accounts = 'account' is no recorded",
    ),
    ('accounts = "accounts"', "", "in [tables.accounts], account: say whose the records are"),
    (
        '[tables.members]\naccount = "account_id"',
        "[tables.members]\naccount = { members = 'teams', record = 'id', account = 'acount_id' }",
        "[tables.members], account: teams has no column acount_id. Did you mean account_id?",
    ),
    (
        "[tables.members]",
        "[tables.members]\nentity = 'teams'",
        "in [tables.members], entity: [tables.teams] has teams already.",
    ),
    (
        'visits = "they say nothing"',
        "[tables.visits]\naccount = 0",
        "in [tables.visits], key: the table has no primary key. Name the columns",
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "said"), CHANGES, ids=[new or "gone" for _, new, _ in CHANGES]
)
def test_what_doesn_t_fit_the_tables_is_told_and_nothing_is_changed(
    sqlite: SqliteInstallation, old: str, new: str, said: str
) -> None:
    sqlite.write(*SCHEMA)
    before = sqlite.dump()
    assert old in GIVEN
    with pytest.raises(ConfigRefused, match=r"given\.toml: ") as refused:
        sqlite.attach(GIVEN.replace(old, new, 1))
    assert said in str(refused.value)
    assert sqlite.dump() == before


def test_what_is_refused_later_leaves_what_was_attached_before(sqlite: SqliteInstallation) -> None:
    sqlite.write(*SCHEMA)
    sqlite.attach(GIVEN)
    before = sqlite.dump(), sqlite.watch()
    with pytest.raises(ConfigRefused):
        sqlite.attach(GIVEN.replace('["name"]', '["nam"]'))
    assert (sqlite.dump(), sqlite.watch()) == before


def test_a_secret_names_no_reference(sqlite: SqliteInstallation) -> None:
    sqlite.write(*SCHEMA)
    given = GIVEN.replace('["name"]', '["name"]\nsecrets = ["api_token"]').replace(
        '"teams" }', '{ table = "teams", label = "api_token" } }'
    )
    with pytest.raises(ConfigRefused, match=r"references.team_id: api_token is a secret of teams"):
        sqlite.attach(given)
