"""A trail of realistic skew, invented from a seed: one account has half of all entries.

In each account a few people do most of it, a few records change all the time and most of them
seldom, requests change several records, and people work by day. What is rare is counted.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, islice
from typing import Final, NamedTuple

from audit_trail.record.entry import ActorId, Draft, Entity, Via
from bench.vocabulary import LABELS, RARE, SENTENCES, busy, name_of, texts

ACCOUNTS: Final = 1_000
LARGE: Final = "1"
"""The account that has half of the entries."""

HOUR_US: Final = 3_600_000_000
DAYS: Final = 730
BEGAN_US: Final = 1_735_689_600_000_000
"""2025-01-01, a Wednesday: when every account begins, for two years."""

ENDED_US: Final = BEGAN_US + DAYS * 24 * HOUR_US
TOGETHER: Final = 10_000
BURST: Final = 200
"""How many entries the large account appends at a time, and each of the small ones in its turn."""

MOVED_UP: Final = 0.01
"""How many of the changes to agents make one an administrator; of all entries, one in a thousand."""

_BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
_VIAS: Final[tuple[Via, ...]] = ("ui", "api", "automation", "job", "cli")
_VIA_SHARES: Final = (60, 85, 93, 97, 100)
_SIZES: Final = (1, 1, 1, 1, 2, 2, 3, 6)
"""How many records a request changes, each size as likely as the others."""

_TYPES: Final = (
    *("inbox", "account_user", "automation_rule", "team", "webhook"),
    *("inbox", "inbox", "automation_rule", "inbox_member", "agent_bot"),
)
"""What a record is, by the last digit of its id, which says nothing of how often it changes."""


class Person(NamedTuple):
    """Somebody who acts: the actor, what they are called, and the who part of what they do."""

    actor: ActorId
    name: str
    email: str
    who: bytes


class Company:
    """One account's people and records, and everything that they did in two years."""

    def __init__(self, account: str, entries: int, seed: int) -> None:
        self.account = account
        self.entries = entries
        self._drawn = random.Random(f"{seed}/{account}")
        self._texts = texts(seed)
        # Records grow with their entries, people by far not so fast.
        self.people = [_person(account, each) for each in range(max(min(entries // 100, 400), 5))]
        self.records = max(entries // 50, 20)
        self._rare = _places(entries) if account == LARGE else {}

    def drafts(self) -> Iterator[Draft]:
        """Yield what happened, oldest first: requests, each of one person at one moment."""
        drawn, done = self._drawn, 0
        acting, changing = busy(len(self.people), 1.0), _changing(self.records)
        numbers = range(self.records)
        while done < self.entries:
            at = _moment(done / self.entries)
            (person,) = drawn.choices(self.people, cum_weights=acting)
            request = f"{drawn.getrandbits(128):032x}"
            if drawn.random() < 0.2:
                yield self._sign_in(done, person, at, request)
                done += 1
                continue
            (first,) = drawn.choices(numbers, cum_weights=changing)
            via = _VIAS[bisect_right(_VIA_SHARES, drawn.random() * 100)]
            for number in range(min(drawn.choice(_SIZES), self.entries - done)):
                record = (first + number) % self.records + 1
                yield self._change(done, record, person, at, request, via)
                done += 1

    def record(self, rank: int) -> Entity:
        """Return the record that changes most often but for so many."""
        return Entity(type=_TYPES[(rank + 1) % 10], id=str(rank + 1))

    def _change(
        self, place: int, record: int, person: Person, at: int, request: str, via: Via
    ) -> Draft:
        kind = _TYPES[record % 10]
        label = self._texts.labels[record * 31 % LABELS]
        action, fields, changes = self._changed(kind, label)
        reason = self._reason(place)
        return Draft(
            id=_id(at, self._drawn),
            account=self.account,
            occurred_at=at,
            action=action,
            entity=Entity(type=kind, id=str(record)),
            actor=person.actor,
            via=via,
            request=request,
            fields=fields,
            who=person.who,
            what=f'{{"changes":{{{changes}}},"label":"{label}"{reason}}}'.encode(),
        )

    def _sign_in(self, place: int, person: Person, at: int, request: str) -> Draft:
        has_failed = self._drawn.random() < 0.1
        details = ',"details":{"reason":"Wrong password"}' if has_failed else ""
        return Draft(
            id=_id(at, self._drawn),
            account=self.account,
            occurred_at=at,
            action="sign_in_failed" if has_failed else "sign_in",
            outcome="failure" if has_failed else "success",
            entity=Entity(type="user", id=person.actor.id),
            actor=person.actor,
            via="ui",
            request=request,
            who=person.who,
            what=f'{{"label":"{person.name}"{details}{self._reason(place)}}}'.encode(),
        )

    def _changed(self, kind: str, label: str) -> tuple[str, tuple[str, ...], str]:
        """Return the action, the fields, and what they were before and after."""
        luck = self._drawn.random()
        match kind:
            case "account_user":
                return "update", *_agent(luck)
            case "inbox_member":
                action, side = ("create", "after") if luck < 0.5 else ("delete", "before")
                inbox, agent = int(luck * 997), int(luck * 9_973) % 400 + 1
                return (
                    action,
                    ("inbox_id", "user_id"),
                    f'"inbox_id":{{"{side}":{inbox}}},"user_id":{{"{side}":{agent}}}',
                )
            case "webhook" if luck < 0.5:
                old, new = int(luck * 1_000), int(luck * 10_000)
                url = "https://hooks.example/liveagent"
                return "update", ("url",), _texts("url", f"{url}/{old}", f"{url}/{new}")
            case _ if luck < 0.05:
                return "create", ("name",), f'"name":{{"after":"{label}"}}'
            case _ if luck < 0.25:
                return "update", ("name",), _texts("name", self._label(), label)
            case _ if luck < 0.6:
                before, after = ("false", "true") if luck < 0.4 else ("true", "false")
                changes = f'"enabled":{{"after":{after},"before":{before}}}'
                return "update", ("enabled",), changes
            case "inbox":
                changes = _texts("greeting_message", self._sentence(), self._sentence())
                return "update", ("greeting_message",), changes
            case _:
                changes = _texts("description", self._sentence(), self._sentence())
                return "update", ("description",), changes

    def _reason(self, place: int) -> str:
        if rare := self._rare.get(place):
            return f',"reason":"{self._sentence()} {rare}"'
        return f',"reason":"{self._sentence()}"' if self._drawn.random() < 0.2 else ""

    def _label(self) -> str:
        return self._texts.labels[int(self._drawn.random() * LABELS)]

    def _sentence(self) -> str:
        return self._texts.sentences[int(self._drawn.random() * SENTENCES)]


def companies(entries: int, seed: int = 1) -> list[Company]:
    """Return the accounts of a trail of so many entries, the large one first."""
    others, left = divmod(entries - entries // 2, ACCOUNTS - 1)
    return [
        Company(LARGE, entries // 2, seed),
        *(Company(str(each + 2), others + (each < left), seed) for each in range(ACCOUNTS - 1)),
    ]


def batches(entries: int, seed: int = 1) -> Iterator[list[Draft]]:
    """Yield what is appended at a time: of the large account, and of some of the small ones."""
    of = companies(entries, seed)
    turns = []
    for number, company in enumerate(of):
        many = TOGETHER if company.account == LARGE else BURST
        bursts = -(-company.entries // many)
        turns += [((each + number / ACCOUNTS) / bursts, number, many) for each in range(bursts)]
    streams = [company.drafts() for company in of]
    batch: list[Draft] = []
    for _, number, many in sorted(turns):
        batch += islice(streams[number], many)
        if len(batch) >= 2 * TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch


def _person(account: str, number: int) -> Person:
    place = number + int(account)
    name = name_of(place)
    email = f"user{number + 1}@company{account}.example"
    address = f"{'203.0.113' if number % 2 else '198.51.100'}.{number % 250 + 1}"
    who = (
        f'{{"email":"{email}","ip":"{address}","name":"{name}","role":"administrator",'
        f'"session":"{place * 0x9E3779B97F4A7C15 % 2**64:016x}","user_agent":"{_BROWSER}"}}'
    )
    return Person(ActorId(kind="user", id=str(number + 1)), name, email, who.encode())


def _agent(luck: float) -> tuple[tuple[str, ...], str]:
    if luck < MOVED_UP:
        return ("role",), _texts("role", "agent", "administrator")
    if luck < 0.3:
        before, after = ("agent", "supervisor") if luck < 0.2 else ("supervisor", "agent")
        return ("role",), _texts("role", before, after)
    before, after = ("offline", "online") if luck < 0.65 else ("online", "offline")
    return ("availability",), _texts("availability", before, after)


def _texts(field: str, before: str, after: str) -> str:
    return f'"{field}":{{"after":"{after}","before":"{before}"}}'


def _id(at: int, drawn: random.Random) -> str:
    """Return a UUID of version 7."""
    chance = f"{drawn.getrandbits(72):018x}"
    moment = f"{at // 1_000:012x}"
    return f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-8{chance[3:6]}-{chance[6:]}"


def _places(entries: int) -> dict[int, str]:
    """Return which entries have the rare words, each scattered over all of them."""
    found: dict[int, str] = {}
    for number, (word, times) in enumerate(RARE.items()):
        for each in range(times):
            place = int(entries * (each + (number + 0.5) / len(RARE)) / times)
            while place in found:
                place += 1
            found[place] = word
    return found


@cache
def _changing(records: int) -> list[float]:
    return busy(records, 0.6)


@cache
def _hours() -> list[float]:
    """Return how much has happened by the end of each hour: little by night, less on weekends."""
    by_day = [1.0] * 8 + [12.0, 20.0, 22.0, 18.0, 12.0, 18.0, 22.0, 20.0, 16.0, 8.0] + [2.0] * 6
    return list(
        accumulate(
            weight * (0.1 if (day + 2) % 7 >= 5 else 1.0)
            for day in range(DAYS)
            for weight in by_day
        )
    )


def _moment(share: float) -> int:
    """Return when this share (0 to 1) of everything had happened, µs UTC."""
    hours = _hours()
    sought = share * hours[-1]
    hour = bisect_right(hours, sought)
    before = hours[hour - 1] if hour else 0.0
    return BEGAN_US + int((hour + (sought - before) / (hours[hour] - before)) * HOUR_US)
