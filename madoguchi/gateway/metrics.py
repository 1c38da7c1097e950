"""Prometheus metrics, without personal data; several processes of the gateway share them through a directory."""

from __future__ import annotations

import contextlib
import os
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, multiprocess, start_http_server

TURNS = Counter("madoguchi_turns", "Questions by what became of them", ["outcome"])
REPLIES = Counter("madoguchi_replies", "Replies of the assistant", ["kind", "company", "language"])
TURN_SECONDS = Histogram("madoguchi_turn_seconds", "From a message kept to its answer kept", buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60))
REQUESTS = Counter("madoguchi_http_requests", "Requests by route and status", ["route", "method", "status"])
REFUSALS = Counter("madoguchi_refusals", "Refused requests by code", ["code"])
READERS = Gauge("madoguchi_readers", "Open streams and long polls", multiprocess_mode="livesum")


def serve(port: int) -> WSGIServer | None:
    """Serve the metrics of all processes on the loopback address; None where another process does so already."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    with contextlib.suppress(OSError):
        return start_http_server(port, "127.0.0.1", registry)[0]
    return None
