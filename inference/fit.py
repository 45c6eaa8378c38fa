"""Whether a model fits GPUs: weights, then what an engine needs beside them, then the cache.

What is left of a GPU's memory after the weights and the engine's own needs is the key-value
cache, and its size decides how many requests of which length run at the same time.

    a GPU's memory x the share that the engine may take
    - weights on this GPU
    - what the engine needs to compute   (an estimate: `needs`)
    = cache

The cache's arithmetic is vLLM's own (`vllm/v1/core/kv_cache_utils.py` of 0.32): memory in
blocks of tokens, one pool for all layers; layers that look back only so far have groups of
their own and give blocks back. Tests compare it with vLLM's functions and with engines that
were started. What an engine needs beside the weights, vLLM measures when it starts; here it is
an estimate, set by what people report of H100 GPUs, that can be off by a gigabyte or two. It
was never compared with a GPU of ours.

Not in it: pipeline parallelism, adapters (LoRA), speculative decoding, images, and the use of a
GPU by others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from inference.precision import Precision
from inference.shape import Shape

GIB = 1024**3
UTILISATION = 0.90  # of a GPU's memory, which Domicile gives vLLM unless a manifest says else
SEQUENCES = 256  # requests in one batch at most, likewise
RESERVED = 2 * GIB // 3  # of what the driver reports, CUDA keeps up to so much for itself
BLOCK = 16  # tokens
LATENT_BLOCK = 64  # tokens, in kernels for latent attention
COUNTS = (1, 2, 4, 8)  # GPUs of one machine that can share each layer
AT_ONCE = 2  # batches under way: while one is computed, the next is put together
ENGINE = GIB // 2  # libraries' workspaces, compiled code
TOGETHER = 2 * GIB  # buffers between GPUs
ROUTED = 1 * GIB  # workspaces for experts
GRAPHS = 1 * GIB  # recorded CUDA graphs
LOOKED_UP = 65_536  # tokens whose latent vectors are opened at once for long prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A kind of GPU. `memory` is in bytes, as the driver reports it; `capability` in tenths."""

    name: str
    title: str
    memory: int
    capability: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How an engine would be started. `context` in tokens, prompt and answer.

    `cache_bytes` are those of one element of the cache: 2, or 1 with `kv_cache_dtype=fp8`.
    """

    gpu: Gpu
    count: int
    context: int
    cache_bytes: int = 2
    utilisation: float = UTILISATION
    sequences: int = SEQUENCES

    @property
    def batch(self) -> int:
        """Tokens that vLLM computes in one step, by its rule for a server."""
        if self.gpu.memory >= 160 * GIB:
            return 16_384
        if self.gpu.memory >= 70 * GIB and "a100" not in self.gpu.name.lower():
            return 8_192
        return 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """How the cache of one GPU is divided.

    A block holds so many tokens of one group of layers and takes `block_bytes`; a request of
    the whole context takes `blocks`.
    """

    block_bytes: int
    blocks: int

    def tokens(self, memory: int, context: int) -> int:
        """What vLLM says its cache holds: requests of the whole context, in tokens."""
        return int(self.requests(memory) * context)

    def requests(self, memory: int) -> float:
        """How many requests of the whole context fit into `memory` bytes."""
        return (memory // self.block_bytes) / self.blocks if self.blocks else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What came out. All bytes are those of one GPU.

    `cache` is what is left (0 where nothing is); `requests` of the whole context fit into it
    at the same time, `tokens` is that in tokens, and `longest` the longest context that one
    request could have. `problem` is empty where the engine would start.
    """

    setup: Setup
    weights: int
    needs: int
    cache: int
    tokens: int
    requests: float
    longest: int
    problem: str = ""


def cache(shape: Shape, setup: Setup, block: int = 0) -> Cache:
    """How the cache is divided; `block` in tokens, where it is not the usual."""
    block = block or (LATENT_BLOCK if shape.latent else BLOCK)
    page = block * shape.cached(setup.count) * setup.cache_bytes
    if page == 0:
        return Cache(block_bytes=1, blocks=0)
    whole = math.ceil(setup.context / block)
    if shape.window is None or shape.window.layers == 0:
        return Cache(block_bytes=shape.layers * page, blocks=whole)
    window = shape.window
    held = min(window.tokens - 1 + AT_ONCE * setup.batch, setup.context)
    part = math.ceil(held / block) + 1  # a window may begin inside of a block
    full = shape.layers - window.layers
    if full == 0:
        return Cache(block_bytes=shape.layers * page, blocks=part)
    least, most = sorted((full, window.layers))
    group = most if most < least * 1.5 else least  # layers; the last group may have gaps
    blocks = math.ceil(full / group) * whole + math.ceil(window.layers / group) * part
    return Cache(block_bytes=group * page, blocks=blocks)


def needs(shape: Shape, setup: Setup) -> int:
    """Bytes beside weights and cache: the larger of a step and of drawing tokens, and the rest.

    Each is an estimate. Values of a step have 2 bytes: four of the layer's width, three of the
    feed-forward part's; for each expert that a token uses two of the layer's and three of the
    expert's. Scores of the output have 4 bytes, and five such lie there while a token is drawn
    from them (the scores twice, their order with 8, what was left out).
    """
    shards = setup.count
    each = 4 * shape.hidden + 3 * shape.width // shards
    if shape.experts:
        each += shape.experts.used * (2 * shape.hidden + 3 * shape.experts.width // shards)
    step = 2 * each * setup.batch
    if shape.latent:
        heads = max(1, shape.heads // shards)
        step += 2 * LOOKED_UP * heads * (shape.latent.nope + shape.latent.value)
    scores = 0 if shape.encoder else 5 * 4 * setup.sequences * shape.vocabulary
    together = TOGETHER if shards > 1 else 0
    sorting = ROUTED if shape.experts else 0
    return max(step, scores) + ENGINE + GRAPHS + together + sorting


def fit(shape: Shape, precision: Precision, setup: Setup) -> Fit:
    """What a GPU's memory is used for, and how much can run at the same time."""
    weights = math.ceil(precision.weights(shape) / setup.count)
    beside = needs(shape, setup)
    share = int((setup.gpu.memory - RESERVED) * setup.utilisation)
    left = max(0, share - weights - beside)
    pool = cache(shape, setup)
    requests = pool.requests(left)
    problem = _unfit(shape, precision, setup)
    longest = 0 if problem else _longest(shape, setup, left)
    if not problem and share < weights + beside:
        lacking = (weights + beside - share) / GIB
        problem = f"The weights do not fit: {lacking:.1f} GiB too little on each GPU."
    elif not problem and requests < 1:
        problem = (
            f"No request of {setup.context:,} tokens fits into the cache; the longest context "
            f"that does has {longest:,} tokens."
        )
    whole = shape.encoder is not None
    return Fit(
        setup=setup,
        weights=weights,
        needs=beside,
        cache=left,
        tokens=0 if whole else pool.tokens(left, setup.context),
        requests=float(setup.sequences) if whole else requests,
        longest=longest,
        problem=problem,
    )


def host(shape: Shape, precision: Precision, context: int, slots: int) -> int:
    """Bytes of main memory that llama.cpp takes: weights, the whole cache at once, half a GiB.

    Each of `slots` requests has a cache for `context` tokens, 2 bytes an element; layers that
    look back only so far have one for their window and for the 512 tokens of a step.
    """
    windowed = shape.window.layers if shape.window else 0
    held = (shape.layers - windowed) * slots * context
    if shape.window:
        held += windowed * (slots * min(shape.window.tokens, context) + 512)
    return precision.weights(shape) + 2 * shape.cached(1) * held + GIB // 2


def smallest(
    shape: Shape,
    precision: Precision,
    wanted: Iterable[Setup],
    concurrent: int = 1,
    counts: Sequence[int] = COUNTS,
) -> list[Fit]:
    """For each kind of GPU the least number that serves `concurrent` whole contexts at once.

    Where no number does, the last one tried, with its problem. `wanted` says the kinds; the
    number in each is replaced.
    """
    found = []
    for one in wanted:
        results = [fit(shape, precision, replace(one, count=count)) for count in counts]
        enough = (
            result for result in results if not result.problem and result.requests >= concurrent
        )
        found.append(next(enough, None) or _best(results, concurrent))
    return found


def _best(results: list[Fit], concurrent: int) -> Fit:
    """The number that serves most, said to be too little."""
    running = [result for result in results if not result.problem]
    if not running:
        return results[-1]
    most = max(running, key=lambda result: result.requests)
    return replace(
        most,
        problem=f"{int(most.requests):,} requests of {most.setup.context:,} tokens fit at the "
        f"same time, not {concurrent:,}.",
    )


def _unfit(shape: Shape, precision: Precision, setup: Setup) -> str:
    """Why an engine would not start whatever the memory; empty where it would."""
    if setup.gpu.capability < precision.capability:
        return (
            f"{setup.gpu.title} cannot serve {precision.title}: that needs compute capability "
            f"{precision.capability / 10:.1f}, and it has {setup.gpu.capability / 10:.1f}."
        )
    count = setup.count
    if shape.heads % count:
        return f"{shape.heads} attention heads cannot be divided among {count} GPUs."
    if shape.kv_heads % count and count % shape.kv_heads and not shape.latent:
        return f"{shape.kv_heads} key-value heads cannot be divided among {count} GPUs."
    widths = {shape.width} if shape.width else set()
    if shape.experts:
        widths |= {shape.experts.width, shape.experts.shared} - {0}
    for width in sorted(widths):
        if count > 1 and (width % count or width // count % precision.block):
            return (
                f"A feed-forward part of {width:,} cannot be divided among {count} GPUs in "
                f"multiples of {precision.block}, as {precision.title} needs."
            )
    return ""


def _longest(shape: Shape, setup: Setup, memory: int) -> int:
    """The longest context, in tokens, of which one request fits into `memory` bytes."""
    if shape.encoder:
        return setup.context

    def holds(context: int) -> bool:
        return cache(shape, replace(setup, context=context)).requests(memory) >= 1

    low, high = 0, 1
    while holds(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
