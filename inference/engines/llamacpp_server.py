"""The child process of `llamacpp`: llama.cpp's own HTTP server, on a Unix socket only.

No TCP port is opened, no page, no metrics. Prompts are not kept for reuse between requests:
how fast an answer begins would tell one application what another has asked.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import xllamacpp

_ERRORS_ONLY = 1
_BATCH = 32  # tokens evaluated at once: others wait so long, and a cancellation too
_POOLING = {
    "file": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_UNSPECIFIED,  # as the file says
    "mean": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN,
    "cls": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_CLS,
    "last": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST,
}
_HTTP_THREADS = 64  # a stream holds one; several choices of one request hold several


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Serve one model on a Unix socket.")
    parser.add_argument("--model", type=Path, required=True, help="weights, a GGUF file")
    parser.add_argument("--uds", type=Path, required=True, help="socket; must end in .sock")
    parser.add_argument("--alias", required=True, help="the model's name in answers")
    parser.add_argument("--slots", type=int, required=True, help="requests at the same time")
    parser.add_argument("--context", type=int, required=True, help="tokens for each of them")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    parser.add_argument(
        "--pooling",
        choices=_POOLING,
        help="give vectors of texts, made in this way of those of their tokens; write nothing",
    )
    given = parser.parse_args(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(parameters(given))
    if not str(server.listening_address).startswith("unix:"):
        sys.exit(f"llama.cpp listens on {server.listening_address}, not on a Unix socket.")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


def parameters(given: argparse.Namespace) -> xllamacpp.CommonParams:
    """llama.cpp's settings; whatever is not set here has its default."""
    settings = xllamacpp.CommonParams()
    settings.model.path = str(given.model)
    settings.model_alias = {given.alias}
    settings.hostnames = [str(given.uds)]
    settings.n_parallel = given.slots
    settings.n_ctx = given.slots * given.context
    settings.cpuparams.n_threads = given.threads
    settings.cpuparams_batch.n_threads = given.threads
    settings.cpuparams.poll = 0  # threads that wait do not spin
    settings.cpuparams_batch.poll = 0
    settings.n_batch = settings.n_ubatch = _BATCH
    if given.pooling is not None:  # a text is evaluated whole: its tokens see each other
        settings.embedding = True
        settings.pooling_type = _POOLING[given.pooling]
        settings.n_batch = settings.n_ubatch = given.context
    settings.n_threads_http = _HTTP_THREADS
    settings.cont_batching = True
    settings.use_jinja = True
    settings.cache_prompt = False
    settings.cache_ram_mib = 0
    settings.offline = True
    settings.ui = False
    settings.verbosity = _ERRORS_ONLY
    return settings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
