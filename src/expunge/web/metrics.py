"""Metrics in Prometheus's text format. No label says anything of a person: routes are the router's names, all else is from closed lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from expunge.web.readiness import Readiness

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
Numbers: TypeAlias = Callable[[], dict[str, float]]
"""Gives names from a closed list, with their numbers."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of a web process, since it began. Safe between threads."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter("expunge_http_requests", "Requests answered.", ("route", "method", "status"), registry=self._registry)
        self._seconds = Histogram(
            "expunge_http_request_seconds", "Time until the last byte was given out.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self._mails = Counter("expunge_mail_attempts", "Messages tried, by outcome.", ("outcome",), registry=self._registry)
        self._fields = Counter(
            "expunge_refused_fields",
            "Requests to seal or open fields beyond the keeper's budget.",
            ("act", "kind"),
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(route, method_word(method), f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(seconds)

    def count_mail(self, outcome: str) -> None:
        """Count an attempt to send a message: *taken*, *later*, *refused*, or *unsent* for one whose time was over."""
        self._mails.labels(outcome).inc()

    def count_refused_fields(self, act: str, kind: str) -> None:
        """Count a request to *seal* or *open* fields of a kind that the keeper refused, as its budget was used up."""
        self._fields.labels(act, kind).inc()

    def watch(self, readiness: Readiness, outbox: Numbers | None = None, accounts: Numbers | None = None) -> None:
        """Show as well which parts work, the numbers of the outbox, and of accounts by their factor, as they are when metrics are read."""
        self._registry.register(_Now(readiness, outbox, accounts))

    def text(self) -> bytes:
        """Return all of them."""
        return generate_latest(self._registry)


def method_word(method: str) -> str:
    """Return a method of HTTP, or *other* for what a client made up."""
    return method if method in METHODS else OTHER


class _Now(Collector):
    """Values that are looked up when metrics are read."""

    def __init__(self, readiness: Readiness, outbox: Numbers | None, accounts: Numbers | None) -> None:
        self._readiness, self._outbox, self._accounts = readiness, outbox, accounts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield them."""
        ready = GaugeMetricFamily("expunge_ready", "Whether a part of the server works.", labels=("part",))
        for part, works in self._readiness.look().items():
            ready.add_metric((part.value,), float(works))
        yield ready
        for name, value in (self._outbox() if self._outbox is not None else {}).items():
            yield GaugeMetricFamily(f"expunge_mail_{name}", _OUTBOX[name], value)
        if self._accounts is not None:
            accounts = GaugeMetricFamily("expunge_accounts", "Accounts of proven addresses, by strongest factor.", labels=("factor",))
            for factor, number in self._accounts().items():
                accounts.add_metric((factor,), number)
            yield accounts


_OUTBOX = {
    "waiting": "Messages in the outbox.",
    "overdue_seconds": "How long the message that is most overdue has been due.",
    "troubled_addresses": "Addresses that mail does not reach.",
}
