"""The figures behind ``/metrics``, in Prometheus's terms."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From a commit on a fast disk to a batch that keeps a worker busy for seconds.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)


class PrometheusMetrics:
    """``engine.ports.metrics.Metrics`` in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._accepted = Counter(
            "lagniappe_events_accepted", "Events stored durably", registry=registry
        )
        self._rejected = Counter(
            "lagniappe_events_rejected",
            "Events refused, and payloads kept as not understood",
            registry=registry,
        )
        self._messages = Counter(
            "lagniappe_messages",
            "Messages by the status they reached",
            ("channel", "status"),
            registry=registry,
        )
        self._texts = Counter(
            "lagniappe_texts_received",
            "Texts from customers by what they ask for; a wish waits for a person",
            ("intent",),
            registry=registry,
        )
        self._lag = Gauge(
            "lagniappe_due_lag_seconds", "Lateness of the most overdue step", registry=registry
        )
        self._in_flight = Gauge(
            "lagniappe_in_flight", "Messages at a provider, unanswered", registry=registry
        )
        self._paused = Gauge(
            "lagniappe_provider_paused",
            "1 while a provider is left alone because of what it answered",
            ("provider",),
            registry=registry,
        )
        self._sending = Gauge(
            "lagniappe_sending_process_up",
            "1 while the process that calls the providers is there; 0 between two of them",
            registry=registry,
        )
        self._codes = Gauge(
            "lagniappe_coupon_pool_codes_left",
            "Free codes of a coupon pool, counted up to one above its warning",
            ("pool",),
            registry=registry,
        )
        self._seconds = Histogram(
            "lagniappe_batch_seconds",
            "Duration of a batch",
            ("work",),
            registry=registry,
            buckets=_SECONDS,
        )
        self._sizes = Histogram(
            "lagniappe_batch_size", "Items in a batch", ("work",), registry=registry, buckets=_SIZES
        )

    def events_accepted(self, count: int) -> None:
        """Count events that are durable now."""
        self._accepted.inc(count)

    def events_rejected(self, count: int) -> None:
        """Count refusals."""
        self._rejected.inc(count)

    def messages(self, channel: str, status: str, count: int = 1) -> None:
        """Count messages that reached a status."""
        self._messages.labels(channel, status).inc(count)

    def text_received(self, intent: str) -> None:
        """Count a customer's text."""
        self._texts.labels(intent).inc()

    def due_lag(self, seconds: float) -> None:
        """Set the lateness of the most overdue step."""
        self._lag.set(seconds)

    def in_flight(self, count: int) -> None:
        """Set the number of unanswered hand-overs."""
        self._in_flight.set(count)

    def provider_paused(self, provider: str, paused: bool) -> None:
        """Set whether a provider is left alone."""
        self._paused.labels(provider).set(paused)

    def sending_process(self, up: bool) -> None:
        """Set whether the process that calls the providers is there."""
        self._sending.set(up)

    def codes_left(self, pool: str, count: int) -> None:
        """Set what is left of a pool."""
        self._codes.labels(pool).set(count)

    def batch(self, work: str, seconds: float, size: int) -> None:
        """Count one batch."""
        self._seconds.labels(work).observe(seconds)
        self._sizes.labels(work).observe(size)
