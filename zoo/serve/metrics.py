"""What a service tells of itself to Prometheus; it is asked, and sends nothing."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "zoo_requests", "Requests by model and status.", ["model", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "zoo_seconds", "From the first byte to the answer.", ["model"], buckets=SECONDS, registry=self.registry
        )
        self.batches = Histogram(
            "zoo_batch_images", "Images answered together.", buckets=(1, 2, 4, 8, 16), registry=self.registry
        )

    def watch(self, name: str, told: str, value: Callable[[], float]) -> None:
        """Tell a value at the moment when it is asked for."""
        Gauge(name, told, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return bytes(generate_latest(self.registry))
