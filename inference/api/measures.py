"""What operators watch of the data plane. No label ever holds what a caller wrote.

Names that OpenTelemetry's semantic conventions for generative AI have are used as Prometheus
writes them; the others begin with `domicile_`.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

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
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FIRST_CHUNK = Histogram(
    "gen_ai_server_time_to_first_token_seconds",
    "From the request's first byte to the first byte of the answer.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUEUE = Histogram(
    "domicile_queue_seconds",
    "From when a node took a request until its engine began it, as receipts say.",
    ["request_class"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
_TOKENS = Counter("domicile_tokens", "Tokens, as receipts count them.", ["kind"])
PROMPT_TOKENS = _TOKENS.labels("prompt")  # looked up once, not with each request
COMPLETION_TOKENS = _TOKENS.labels("completion")
