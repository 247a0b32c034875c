"""What a run on one engine found; a library is told by its stack and its name."""

from typing import NamedTuple

from bench.engines import Kind
from bench.peers.cost import Costs
from bench.peers.levels import Level

Library = tuple[str, str]
APART = ", the server on cores of its own"
"""Follows a stack's name where its costs were taken so."""


class Found(NamedTuple):
    """Verdicts by path, costs by stack, statements by their names, and bytes an entry.

    A stack has its costs twice where the server could be kept `APART`.
    """

    kind: Kind
    verdicts: dict[Library, dict[str, str]]
    costs: dict[str, list[Costs]]
    levels: dict[str, list[Level]]
    bytes: dict[Library, float]
    trail_bytes: float | None
