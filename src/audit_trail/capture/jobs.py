"""Carries the context into threads, pools and later jobs, which else act as System."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import msgspec

from audit_trail.capture.context import Actor, Context, Origin, current_context, encoded, resuming
from audit_trail.errors import HandoverRefused

HEADER: Final = "audit_context"
"""The header of a queue's message that carries the context."""

P = ParamSpec("P")
T = TypeVar("T")


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function as it would run here and now: wherever it is called, it acts for us.

    Without a context it acts as System, even where somebody else's is in force.
    """
    context = current_context()

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with resuming(context):
            return function(*args, **kwargs)

    return run


class CarryingThreadPool(ThreadPoolExecutor):
    """A thread pool whose work acts for whoever submitted it."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit the function with the context in force."""
        return super().submit(carried(function), *args, **kwargs)


def handed_over() -> str:
    """Return the context in force as a text to put into a job's arguments; "" where there is none.

    It names people and addresses, so it is as confidential as the queue, and whoever can write to
    the queue can act as anybody.
    """
    context = current_context()
    return "" if context is None else encoded(context)


def context_headers() -> dict[str, str]:
    """Return the same as a header to put among those of a queue's message; none where there is none."""
    handed = handed_over()
    return {HEADER: handed} if handed else {}


@contextmanager
def acting_as_sent(headers: Mapping[str, object] | None, *, job: str) -> Iterator[Context]:
    """Attribute every change inside the block to who sent the message with these headers.

    Without ours among them, nobody asked: the job itself is the actor. Raises `HandoverRefused`.
    """
    handed = (headers or {}).get(HEADER, "")
    if not isinstance(handed, str):
        raise HandoverRefused(f"The header {HEADER} is no text.")
    with acting_as_job(handed, job=job) as context:
        yield context


@contextmanager
def acting_as_job(handed: str, *, job: str) -> Iterator[Context]:
    """Attribute every change inside the block to who asked for the job, via `job`.

    The request stays the one that asked, and so do reason and ticket. A job that nobody asked for,
    such as one that a timer starts, is an actor itself: hand it "". Raises `HandoverRefused`.
    """
    context = _asked_for(handed, job) if handed else _by_itself(job)
    with resuming(context):
        yield context


def _by_itself(job: str) -> Context:
    return Context(actor=Actor(kind="job", id=job, name=job), origin=Origin(via="job"))


def _asked_for(handed: str, job: str) -> Context:
    try:
        context = msgspec.json.decode(handed, type=Context)
        origin = msgspec.structs.replace(context.origin, via="job", job=job)
        # A job happens when it runs, whatever time its asker claimed.
        return msgspec.structs.replace(context, origin=origin, occurred_at=None)
    except (ValueError, RecursionError) as error:
        raise HandoverRefused(f"What the job was handed is no context of ours ({error}).") from None
