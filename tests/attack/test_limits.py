"""What nobody sees: the limits that docs/trust.md names, so that none is claimed away."""

from contextlib import closing
from pathlib import Path

from audit_trail.capture.context import Actor
from audit_trail.inspection.given import Given
from audit_trail.inspection.store import inspect
from audit_trail.record.entry import read_who
from audit_trail.signing.keys import trail_key
from audit_trail.trail import Trail
from tests.attack.prepared import drafts, make_place
from tests.capture.host import Host

INSERT = "INSERT INTO teams (id, account_id) VALUES ({}, 1)"
TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'teams'"


def test_an_application_that_says_another_acts_is_believed(host: Host) -> None:
    host.write(INSERT.format(1), actor=Actor(kind="user", id="8", email="eve@example.com"))
    (entry,) = host.entries()
    assert read_who(entry.who).email == "eve@example.com"


def test_an_outbox_emptied_before_it_is_sequenced_is_not_seen(host: Host) -> None:
    host.write(INSERT.format(1))
    host.shell("DELETE FROM audit_outbox")
    host.write(INSERT.format(2))
    assert [entry.public.entity.id for entry in host.entries()] == ["2"]


def test_a_trigger_dropped_and_put_back_in_between_is_not_seen(host: Host) -> None:
    host.shell(*(f"DROP TRIGGER {name}" for (name,) in host.rows(TRIGGERS)))
    host.write(INSERT.format(1))
    host.sync()
    host.write(INSERT.format(2))
    assert [entry.public.entity.id for entry in host.entries()] == ["2"]


def test_false_entries_appended_behind_the_others_are_signed_with_the_next(tmp_path: Path) -> None:
    place = make_place(tmp_path, None)
    with closing(place.store()) as store:
        trail = place.trail(store)
        trail.append(drafts(0, 3))
        Trail(store).append(drafts(3, 4))
        given = Given(keys=[trail_key(trail.public_keys()[-1])])
        assert inspect(store, given).exit_code == 2  # Until then they are under no checkpoint.
        trail.append(drafts(4, 5))
        assert inspect(store, given).exit_code == 0
