"""The same tables for SQLAlchemy, made anew for the library that watches them."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Numeric,
    String,
    Table,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, configure_mappers, relationship

from bench.peers.alchemy_logs import Log


def models_for(log: Log) -> SimpleNamespace:
    """Make the tables and their classes, watched by the library."""

    class Model(DeclarativeBase):
        """The tables of the comparison."""

    log.prepare(Model)
    mark = log.mark()

    class Label(Model):
        __tablename__ = "label"
        id = Column(Integer, primary_key=True)
        name = Column(String(50), nullable=False)

    links = Table(
        "ticket_labels",
        Model.metadata,
        Column("ticket_id", ForeignKey("ticket.id"), primary_key=True),
        Column("label_id", ForeignKey("label.id"), primary_key=True),
    )
    ticket: dict[str, Any] = {
        "__tablename__": "ticket",
        "__table_args__": (CheckConstraint("priority >= 0"),),
        "id": Column(Integer, primary_key=True),
        "account_id": Column(Integer, nullable=False, default=1),
        "name": Column(String(200), nullable=False),
        "status": Column(String(20), nullable=False, default="open"),
        "priority": Column(Integer, nullable=False, default=0),
        "channel": Column(String(20), nullable=False, default="email"),
        "greeting": Column(Text, default="Hello, and thank you for writing to us."),
        "timezone": Column(String(50), default="Europe/Berlin"),
        "position": Column(Integer, nullable=False, default=0),
        "enabled": Column(Boolean, nullable=False, default=True),
        "budget": Column(Numeric(10, 2), default=Decimal("0.00")),
        "opened_at": Column(DateTime(timezone=True), default=lambda: datetime.now(UTC)),
        "labels": relationship(Label, secondary=links),
        "comments": relationship("Comment", cascade="all, delete-orphan", passive_deletes=False),
    }
    comment: dict[str, Any] = {
        "__tablename__": "comment",
        "id": Column(Integer, primary_key=True),
        "account_id": Column(Integer, nullable=False, default=1),
        "ticket_id": Column(ForeignKey("ticket.id", ondelete="CASCADE"), nullable=False),
        "name": Column(String(200), nullable=False),
    }
    made = SimpleNamespace(
        Model=Model,
        Label=Label,
        Ticket=type("Ticket", (Model,), ticket | mark),
        Comment=type("Comment", (Model,), comment | mark),
    )
    configure_mappers()
    return made
