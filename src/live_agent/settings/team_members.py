"""Team members: the agents who belong to a team."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from live_agent.schema import AccountUser, TeamMember
from live_agent.settings import membership, teams


def listed(db: Session, account_id: int, team_id: int) -> Sequence[AccountUser]:
    """Return the team's members by name. Raises `NotFound`."""
    return membership.agents_of(db, teams.get(db, account_id, team_id))


def add(db: Session, account_id: int, team_id: int, user_ids: object) -> Sequence[AccountUser]:
    """Add members, and return all. Raises `NotFound` or `Invalid`."""
    return membership.add(db, teams.get(db, account_id, team_id), user_ids)


def replace(db: Session, account_id: int, team_id: int, user_ids: object) -> Sequence[AccountUser]:
    """Make these the only members, and return them. Raises `NotFound` or `Invalid`."""
    return membership.replace(db, teams.get(db, account_id, team_id), user_ids)


def remove(db: Session, account_id: int, team_id: int, user_ids: object) -> Sequence[AccountUser]:
    """Remove members, and return who stays. Raises `NotFound` or `Invalid`."""
    return membership.remove(db, teams.get(db, account_id, team_id), user_ids)


def teams_of(db: Session, account_id: int, user_id: int) -> frozenset[int]:
    """Return the ids of the teams to which the agent belongs."""
    return frozenset(
        db.scalars(
            select(TeamMember.team_id).where(
                TeamMember.account_id == account_id, TeamMember.user_id == user_id
            )
        )
    )
