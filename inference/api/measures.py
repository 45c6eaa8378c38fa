"""What operators watch of the data plane. No label ever holds what a caller wrote.

Names that OpenTelemetry's semantic conventions for generative AI have are used as Prometheus
writes them; the others begin with `domicile_`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from compliance.vocabulary import Endpoint

REQUESTS = Counter("domicile_requests", "Requests by how they ended.", ["endpoint", "outcome"])
RUNNING = Gauge(
    "domicile_requests_running", "Requests being answered now.", multiprocess_mode="livesum"
)
SECONDS = Histogram(
    "gen_ai_server_request_duration_seconds",
    "From the request's first byte to the last byte of the answer.",
    ["endpoint"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
ADMISSION = Histogram(
    "domicile_admission_seconds",
    "To detect, decide, record and clear one request.",
    ["endpoint"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FIRST_CHUNK = Histogram(
    "gen_ai_server_time_to_first_token_seconds",
    "From the request's first byte to the first byte of a streamed answer.",
    ["endpoint"],
    buckets=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUEUE = Histogram(
    "domicile_queue_seconds",
    "From when a node took a request until its engine began it, as receipts say.",
    ["request_class"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
TOKENS = Counter("domicile_tokens", "Tokens, as receipts count them.", ["endpoint", "kind"])


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one endpoint, looked up once and not with each request."""

    seconds: Histogram
    admission: Histogram
    first_chunk: Histogram
    prompt_tokens: Counter
    completion_tokens: Counter


OF: Mapping[Endpoint, Measured] = {
    endpoint: Measured(
        seconds=SECONDS.labels(endpoint.value),
        admission=ADMISSION.labels(endpoint.value),
        first_chunk=FIRST_CHUNK.labels(endpoint.value),
        prompt_tokens=TOKENS.labels(endpoint.value, "prompt"),
        completion_tokens=TOKENS.labels(endpoint.value, "completion"),
    )
    for endpoint in Endpoint
}
