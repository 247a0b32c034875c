"""The host's teams, as the ORM maps them and as their entries read."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Integer, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from tests.capture.host import NOTHING, Application, Told


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(Integer)
    name: Mapped[str | None] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    n: Mapped[int | None] = mapped_column(Integer)
    active: Mapped[bool | None] = mapped_column(Boolean)
    rules: Mapped[list[str] | None] = mapped_column(JSON)
    updated_at: Mapped[str | None] = mapped_column(Text)
    members: Mapped[list["Member"]] = relationship(cascade="all, delete-orphan")


class Member(Base):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int | None] = mapped_column(Integer)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    name: Mapped[str | None] = mapped_column(Text)


ADA_SAYS = "ada@example.com"


def team(action: str, number: int, actor: str = ADA_SAYS, **changes: Any) -> Told:
    whole = {"create": lambda v: (NOTHING, v), "delete": lambda v: (v, NOTHING)}
    say: Callable[[Any], tuple[Any, Any]] = whole.get(action, lambda v: v)
    return Told(action, "team", str(number), {n: say(v) for n, v in changes.items()}, actor)


def seeded(host: Application) -> None:
    host.write(
        "INSERT INTO teams (id, account_id, name, code, n) VALUES "
        "(1, 1, 'Red', 'r', 1), (2, 1, 'Blue', 'b', 2), (3, 1, 'Green', 'g', 3)"
    )
    host.forget()
