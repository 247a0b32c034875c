"""Counts what an operator's monitoring asks for, in a registry of its own; no name, no id."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from audit_trail.capture.outbox import Outbox
from audit_trail.errors import OutboxFailed
from live_agent.errors import (
    Forbidden,
    ForeignAccount,
    NotSignedIn,
    TooManyAttempts,
    WrongCredentials,
)

BUCKETS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REASONS: Final = ("sign_in", "not_signed_in", "foreign_account", "forbidden")


class Progress(Protocol):
    """How the sequencer is getting on, counted since the start."""

    errors: int
    appended: int

    def quiet_seconds(self) -> float: ...


class Deliveries(Protocol):
    """How the webhooks of saved views are getting on, counted since the start."""

    delivered: int
    failed: int


class Metrics:
    """One application's figures. Their labels are few: routes, methods, statuses, reasons."""

    def __init__(
        self,
        outbox: Outbox,
        progress: Progress,
        clock: Callable[[], int],
        deliveries: Deliveries | None = None,
        tails: Callable[[], int] = lambda: 0,
        gaps: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Read outbox and sequencer whenever the figures are asked for. `clock` gives µs UTC."""
        self._registry = CollectorRegistry()
        self._registry.register(_Capture(outbox, progress, clock))
        self._registry.register(_Coverage(gaps))
        if deliveries:
            self._registry.register(_Webhooks(deliveries))
        ProcessCollector(registry=self._registry)
        self._requests = Histogram(
            "live_agent_request_seconds",
            "From a request's coming to the beginning of its answer.",
            ("method", "route", "status"),
            buckets=BUCKETS_SECONDS,
            registry=self._registry,
        )
        self._refused = Counter(
            "live_agent_refused",
            "Requests that were refused, by reason.",
            ("reason",),
            registry=self._registry,
        )
        Gauge(
            "live_agent_tails", "Live tails that are open.", registry=self._registry
        ).set_function(tails)
        for reason in REASONS:
            self._refused.labels(reason)  # A rate needs to have seen the count at 0.

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request by its route's template; a path would be a label without end."""
        self._requests.labels(method, route, status).observe(seconds)

    def refuse(self, error: Exception) -> None:
        """Count an error if it is a refusal."""
        reason = _reason(error)
        if reason is not None:
            self._refused.labels(reason).inc()

    def exposition(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)


def _reason(error: Exception) -> str | None:
    match error:
        case WrongCredentials() | TooManyAttempts():
            return "sign_in"
        case NotSignedIn():
            return "not_signed_in"
        case ForeignAccount():
            return "foreign_account"
        case Forbidden():
            return "forbidden"
        case _:
            return None


class _Capture(Collector):
    """The way from change to entry, as it stands when it is asked for."""

    def __init__(self, outbox: Outbox, progress: Progress, clock: Callable[[], int]) -> None:
        self._outbox = outbox
        self._progress = progress
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "audit_entries_appended",
            "Entries that the sequencer appended to the trail.",
            self._progress.appended,
        )
        yield CounterMetricFamily(
            "audit_sequencer_errors",
            "Rounds of the sequencer that failed; each is tried again.",
            self._progress.errors,
        )
        yield GaugeMetricFamily(
            "audit_sequencer_quiet_seconds",
            "How long ago a round of the sequencer last went well.",
            self._progress.quiet_seconds(),
        )
        yield from self._backlog()

    def _backlog(self) -> Iterator[Metric]:
        """Read the outbox as the page does; what can't be read has no figure rather than a wrong one."""
        try:
            backlog = self._outbox.backlog()
        except OutboxFailed:
            return
        yield GaugeMetricFamily(
            "audit_outbox_rows", "Committed rows that are no entries yet.", backlog.rows
        )
        now_us = self._clock()
        oldest_us = now_us if backlog.oldest_us is None else backlog.oldest_us
        yield GaugeMetricFamily(
            "audit_outbox_oldest_seconds",
            "How far the trail is behind: the age of the oldest of these rows.",
            max(now_us - oldest_us, 0) / 1_000_000,
        )


class _Coverage(Collector):
    """Whether all is recorded, as a server last saw it; what can't be read has no figure."""

    def __init__(self, gaps: Callable[[], int | None]) -> None:
        self._gaps = gaps

    def collect(self) -> Iterator[Metric]:
        gaps = self._gaps()
        if gaps is not None:
            yield GaugeMetricFamily(
                "live_agent_capture_gaps",
                "Tables that are not recorded as they should be, at the last look.",
                gaps,
            )


class _Webhooks(Collector):
    """What became of the messages about saved views."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "live_agent_webhooks_delivered",
            "Messages about saved views that their receivers took.",
            self._deliveries.delivered,
        )
        yield CounterMetricFamily(
            "live_agent_webhooks_failed",
            "Attempts to send one that failed; each message is tried some times.",
            self._deliveries.failed,
        )
