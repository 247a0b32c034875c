"""A run drops what is older than the policy keeps, and nothing else; all of it is told and proven."""

import threading
from collections.abc import Callable

import pytest

from audit_trail.errors import EntryNotFound, RetentionRefused, TileNotFound
from audit_trail.record.entry import ActorId, Entity, Removed
from audit_trail.record.query import Is, Query
from audit_trail.retention.keeping import Retention, Run
from audit_trail.retention.policy import DAY_US
from audit_trail.retention.rounds import Rounds
from audit_trail.seal.tile import Bundle
from audit_trail.trail import Trail
from tests.retention.years import ADA, NOW, Years


def test_what_is_older_goes_and_what_is_left_is_proven_with_every_older_tree(years: Years) -> None:
    years.add(300)
    years.pass_days(1)
    years.add(300)
    years.pass_days(399)
    years.add(2)
    assert years.retention.run("1") is None
    years.pass_days(0.5)
    assert years.retention.run("1") == Run(dropped=300, kept=0, altered=0)
    assert years.left() == list(range(300, 603))
    assert years.trail.head("1").first == 300
    years.verify()
    years.pass_days(1)
    assert years.retention.run("1") == Run(dropped=300, kept=0, altered=0)
    assert years.left() == [600, 601, 602, 603]
    years.verify()


def test_the_entry_of_a_run_says_what_it_dropped_and_by_which_policy(few: Years) -> None:
    few.add(3)
    few.retention.change("1", 500, ADA)
    few.add(3)
    few.pass_days(501)
    few.retention.run("1")
    entry = few.newest()
    assert (entry.public.action, entry.public.actor.kind, entry.public.via) == (
        "drop",
        "system",
        "job",
    )
    assert entry.public.entity == Entity(type="audit_log")
    assert entry.public.removed == Removed(entry=((0, 2), (4, 6)))
    assert few.details(entry) == {
        "days": 500,
        "older_than_us": NOW + DAY_US,
        "dropped": 6,
        "kept": 1,
        "stated_by": 3,
    }
    assert few.retention.acts("1", 1) == [entry]


def test_a_run_with_nothing_to_drop_leaves_no_entry(few: Years) -> None:
    assert few.retention.run("1") is None
    few.add(3)
    few.pass_days(401)
    few.add()
    few.retention.run("1")
    size = few.trail.head("1").size
    assert few.retention.run("1") is None
    assert few.retention.run("1") is None
    assert few.trail.head("1").size == size


def test_each_run_names_all_that_was_ever_dropped(years: Years) -> None:
    for _ in range(4):
        years.add(5, number="1")
        years.pass_days(200)
    years.retention.run("1")
    assert years.newest().public.removed == Removed(entry=((0, 9),))
    years.pass_days(401)
    years.retention.run("1")
    assert years.newest().public.removed == Removed(entry=((0, 20),))
    assert years.left() == [21]
    years.verify()


def test_what_is_held_stays_until_the_hold_is_lifted(years: Years) -> None:
    years.add(4, number="1")
    years.add(2, number="2")
    years.add(4, number="1")
    hold = years.retention.place("1", ADA, entity=Entity(type="inbox", id="2"))
    years.pass_days(401)
    years.add()
    assert years.retention.run("1") == Run(dropped=8, kept=3, altered=0)
    assert years.left() == [4, 5, 10, 11, 12]
    assert years.trail.head("1").first == 10
    years.verify()
    years.retention.lift("1", hold.id, ADA)
    assert years.retention.run("1") == Run(dropped=3, kept=0, altered=0)
    assert years.left() == [11, 12, 13, 14]
    years.verify()


def test_a_hold_on_an_actor_and_on_a_time_keeps_theirs(few: Years) -> None:
    few.add(1, user="7")
    few.add(1, user="8")
    few.pass_days(1)
    few.add(1, user="9")
    few.retention.place("1", ADA, actor=ActorId(kind="user", id="8"))
    few.retention.place("1", ADA, start=NOW + DAY_US, end=NOW + DAY_US)
    few.pass_days(402)
    few.retention.run("1")
    assert few.left() == [1, 2, 3, 4, 5]


def test_erasures_are_never_dropped(few: Years) -> None:
    few.add(3)
    few.add(1, action="erase", type="audit_log", number=None, removed=Removed(who=((0, 0),)))
    few.pass_days(401)
    few.add()
    assert few.retention.run("1") == Run(dropped=3, kept=1, altered=0)
    assert few.left() == [3, 4, 5]
    few.pass_days(4_000)
    few.retention.run("1")
    assert few.left() == [3, 6]


def test_a_shorter_retention_takes_effect_after_a_day(few: Years) -> None:
    few.add(3)
    few.pass_days(100)
    few.retention.change("1", 90, ADA)
    assert few.retention.run("1") is None
    few.pass_days(0.99)
    assert few.retention.run("1") is None
    few.pass_days(0.01)
    assert few.retention.run("1") == Run(dropped=3, kept=0, altered=0)


def test_a_change_or_a_hold_without_a_reason_is_refused(few: Years) -> None:
    few.add()
    silent = type(ADA)(actor=ADA.actor, origin=ADA.origin, reason="  ")
    for act in (
        lambda: few.retention.change("1", 90, silent),
        lambda: few.retention.place("1", silent, start=1),
        lambda: few.retention.lift("1", "x", silent),
    ):
        with pytest.raises(RetentionRefused, match="Reason is required"):
            act()
    assert few.trail.head("1").size == 1


def test_the_policy_is_what_the_newest_entry_about_it_states(years: Years) -> None:
    assert years.retention.policy("1").days == 400
    years.retention.change("1", 800, ADA)
    hold = years.retention.place("1", ADA, start=5)
    years.retention.change("1", 90, ADA)
    policy = years.retention.policy("1")
    assert (policy.days, policy.holds, policy.stated_by) == (800, (hold,), 2)
    assert years.retention.policy("2").days == 400
    entry = years.trail.by_id("1", hold.id)
    assert entry
    assert entry.public.action == "place_hold"


def test_versions_count_on_when_all_of_a_record_was_dropped(years: Years) -> None:
    years.add(3, number="1")
    years.pass_days(401)
    years.add(1, number="2")
    years.retention.run("1")
    again = Years(years.store)
    again.now = years.now
    again._numbers = years._numbers
    again.add(1, number="1")
    assert again.newest().version == 4


def test_a_dropped_entry_is_named_and_a_bundle_with_one_is_none(years: Years) -> None:
    years.add(300)
    years.pass_days(401)
    years.add(300)
    years.retention.run("1")
    with pytest.raises(EntryNotFound, match="Entry 7 of account 1 was dropped"):
        years.trail.entry("1", 6)
    for number in (0, 1):
        with pytest.raises(TileNotFound, match="are still kept"):
            years.trail.bundle("1", Bundle(number=number, width=256))
    assert years.trail.bundle("1", Bundle(number=2, width=64))


def test_a_crash_between_declaring_and_dropping_is_made_good(years: Years) -> None:
    years.add(5)
    years.pass_days(401)
    years.add()
    assert years.retention.run("1", is_over=_after(7)) is not None
    assert years.left() == [0, 1, 2, 3, 4, 5, 6]
    assert years.trail.head("1").first == 5
    again = Years(years.store)
    again.now = years.now
    assert again.retention.run("1") is None
    assert again.left() == [5, 6]
    years.verify()


def _after(times: int) -> Callable[[], bool]:
    asked = iter([False] * times)
    return lambda: next(asked, True)


def test_two_runs_at_once_drop_each_entry_once(years: Years) -> None:
    years.add(500)
    years.pass_days(401)
    years.add()
    others = [Retention(Trail(years.store, clock=years.clock), clock=years.clock) for _ in "ab"]
    found: list[Run | None] = []
    threads = [
        threading.Thread(target=lambda each=each: found.append(each.run("1"))) for each in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=bool) == [None, Run(500, 0, 0)]
    assert years.left() == [500, 501]
    years.verify()


def test_entries_are_appended_while_a_run_goes_on(years: Years) -> None:
    years.add(2_000)
    years.pass_days(401)
    done = threading.Event()

    def append() -> None:
        while not done.is_set():
            years.add(3)

    thread = threading.Thread(target=append)
    thread.start()
    run = years.retention.run("1")
    done.set()
    thread.join()
    assert run
    assert run.dropped >= 2_000
    years.verify()


def test_two_changes_at_once_both_count(years: Years) -> None:
    years.add()
    threads = [
        threading.Thread(
            target=lambda number=number: Retention(
                Trail(years.store, clock=years.clock), clock=years.clock
            ).place("1", ADA, entity=Entity(type="inbox", id=str(number)))
        )
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = {hold.entity.id for hold in years.retention.policy("1").holds if hold.entity}
    assert held == {"0", "1", "2", "3"}


def test_pages_begin_where_the_trail_does_and_filters_find_what_is_older(years: Years) -> None:
    years.add(10, number="1")
    years.add(5, number="2", type="team")
    years.add(10, number="1")
    years.retention.place("1", ADA, entity=Entity(type="team", id="2"))
    years.pass_days(401)
    years.add(4, number="3")
    years.retention.run("1")
    trail, whole, oldest = years.trail, Query(account="1"), Query(account="1", newest_first=False)
    beginning = trail.beginning("1")
    assert beginning
    assert (beginning.entry.index, beginning.declaring.index, beginning.kept) == (25, 30, 5)

    newest, last = trail.page(whole, limit=4), trail.page(whole, before=27, limit=4)
    assert [each.index for each in newest.entries] == [30, 29, 28, 27]
    assert (newest.has_newer, newest.has_older) == (False, True)
    assert [each.index for each in last.entries] == [26, 25]
    assert (last.has_newer, last.has_older) == (True, False)
    assert trail.page(whole, before=25, limit=4).entries == []
    after = trail.page(whole, after=3, limit=4)
    assert [each.index for each in after.entries] == [28, 27, 26, 25]
    assert (after.has_newer, after.has_older) == (True, False)
    kept = trail.page(Query(account="1", stop=25), limit=4)
    assert [each.index for each in kept.entries] == [14, 13, 12, 11]
    assert (kept.has_newer, kept.has_older) == (False, True)

    def numbered(query: Query, page: int) -> tuple[list[int], int]:
        found = trail.numbered_page(query, page=page, limit=4)
        return [each.index for each in found.entries], found.total

    assert numbered(whole, 1) == ([30, 29, 28, 27], 6)
    assert numbered(whole, 2) == ([26, 25], 6)
    assert numbered(whole, 3) == ([], 6)
    assert numbered(oldest, 1) == ([25, 26, 27, 28], 6)
    assert numbered(oldest, 2) == ([29, 30], 6)
    assert numbered(oldest, 3) == ([], 6)
    assert numbered(Query(account="1", where=Is("entity", "team")), 1) == ([14, 13, 12, 11], 5)
    assert trail.neighbours("1", 14) == (13, 25)
    assert trail.neighbours("1", 25) == (14, 26)
    assert trail.neighbours("1", 10) == (None, 11)
    assert trail.neighbours("1", 30) == (29, None)


def test_the_rounds_run_every_account_while_they_lead(few: Years) -> None:
    few.add(2)
    other = Years(few.store, account="2")
    other._numbers = few._numbers
    other.add(3)
    few.pass_days(401)
    leads = [False]
    rounds = Rounds(few.trail, few.retention, lambda: leads[0])
    assert rounds.step() == 0
    leads[0] = True
    assert rounds.step(lambda: True) == 0
    assert rounds.step() == 5
    assert rounds.errors == 0
