"""What is killed at random moments loses no change and invents none."""

import random

import pytest

from bench import soak, soak_postgresql


@pytest.mark.slow
def test_five_kills_leave_no_change_without_its_entry_and_no_entry_without_its_change(tmp_path):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails

    tally = soak.run(tmp_path / "data", kills=5, seconds_each=1.5, writers=2, seed=seed)

    assert tally.kills == 5
    assert tally.answered > 20


@pytest.mark.slow
def test_on_postgresql_killed_sequencers_connections_and_servers_lose_and_double_nothing():
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails

    tally = soak_postgresql.run(kills=5, seconds_each=1.5, writers=2, seed=seed)

    assert tally.kills == 5
    assert tally.answered > 20
