"""The fit calculator: what follows from sizes, and what it says where a model does not fit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.catalogue import gpu, gpus, model, models
from inference.fit import BLOCK, COUNTS, GIB, Setup, cache, fit, needs, smallest
from inference.precision import PRECISIONS

BF16, FP8, BLOCKS = PRECISIONS["bf16"], PRECISIONS["fp8"], PRECISIONS["fp8-block"]
H100 = gpu("H100-80")
LLAMA_8B = model("llama-3.1-8b-instruct").shape
LLAMA_70B = model("llama-3.3-70b-instruct").shape
GEMMA = model("gemma-3-27b-it").shape
DEEPSEEK = model("deepseek-r1-0528").shape
SETUPS = st.builds(
    Setup,
    gpu=st.sampled_from(list(gpus().values())),
    count=st.sampled_from(COUNTS),
    context=st.integers(1, 300_000),
    cache_bytes=st.sampled_from([1, 2]),
)
SHAPES = st.sampled_from([one.shape for one in models().values()])


def on(kind, count, context=32_768, **more):
    return Setup(gpu=gpu(kind), count=count, context=context, **more)


@pytest.mark.parametrize(
    ("name", "precision", "size"),
    [  # gigabytes of the published safetensors, from each model.safetensors.index.json
        ("llama-3.3-70b-instruct", "bf16", 141.107412992),
        ("llama-3.1-8b-instruct", "bf16", 16.060522496),
        ("qwen3-8b", "bf16", 16.38147072),
        ("llama-3.1-70b-instruct", "awq-4", 39.77),
        ("qwen2.5-7b-instruct", "awq-4", 5.57),
        ("gpt-oss-120b", "mxfp4", 65.25),
        ("gpt-oss-20b", "mxfp4", 13.76),
    ],
)
def test_weights_take_as_many_bytes_as_the_published_files(name, precision, size):
    one = model(name)
    found = PRECISIONS[precision].weights(one.shape)
    assert found == pytest.approx(size * 1e9, rel=1e-4 if precision == "bf16" else 0.02)


def test_a_token_of_llama_8b_takes_128_kib_of_cache():
    pool = cache(LLAMA_8B, on("H100-80", 1))
    assert pool.block_bytes == BLOCK * 128 * 1024
    assert pool.blocks == 32_768 // BLOCK


def test_a_cache_of_one_byte_holds_twice_as_many_tokens():
    two, one = cache(LLAMA_8B, on("L4-24", 1)), cache(LLAMA_8B, on("L4-24", 1, cache_bytes=1))
    assert two.block_bytes == 2 * one.block_bytes


def test_layers_with_a_window_keep_a_long_request_small():
    setup = on("H100-80", 1, context=131_072)
    windowed, whole = cache(GEMMA, setup), cache(replace(GEMMA, window=None), setup)
    assert windowed.block_bytes * windowed.blocks < 0.4 * whole.block_bytes * whole.blocks


def test_a_short_request_has_nothing_of_a_window():
    setup = on("H100-80", 1, context=512)
    windowed, whole = cache(GEMMA, setup), cache(replace(GEMMA, window=None), setup)
    assert windowed.block_bytes * windowed.blocks >= whole.block_bytes * whole.blocks


def test_more_gpus_do_not_shorten_a_latent_cache():
    one, eight = (cache(DEEPSEEK, on("H200-141", count)) for count in (1, 8))
    assert one == eight


def test_one_h100_serves_llama_8b_with_its_whole_context():
    found = fit(LLAMA_8B, BF16, on("H100-80", 1, context=131_072))
    assert found.problem == ""
    assert 3 < found.requests < 4


def test_the_cache_is_near_what_was_reported_of_four_h100():
    # vllm-project/vllm issue 21348: 8.11 GiB and 178,880 tokens, with sequences left to vLLM
    shape = model("qwen3-235b-a22b-instruct-2507").shape
    found = fit(shape, BLOCKS, on("H100-80", 4, context=40_960, sequences=1_024))
    assert found.cache == pytest.approx(8.11 * GIB, rel=0.15)
    assert found.tokens == pytest.approx(178_880, rel=0.15)


def test_llama_70b_in_16_bits_does_not_fit_two_h100_and_fits_four():
    results = {
        count: fit(LLAMA_70B, BF16, on("H100-80", count, context=131_072)) for count in COUNTS
    }
    assert "weights do not fit" in results[1].problem
    assert results[2].problem
    assert results[4].problem == results[8].problem == ""


def test_what_does_not_fit_tells_the_longest_context_that_does():
    short = fit(LLAMA_70B, FP8, on("H100-80", 1, context=131_072))
    assert short.problem
    wide = fit(LLAMA_8B, BF16, on("L4-24", 1, context=131_072))
    assert f"{wide.longest:,} tokens" in wide.problem
    assert fit(LLAMA_8B, BF16, on("L4-24", 1, context=wide.longest)).problem == ""


def test_deepseek_in_8_bits_needs_more_than_eight_h100_and_fits_eight_h200():
    assert "do not fit" in fit(DEEPSEEK, BLOCKS, on("H100-80", 8)).problem
    assert fit(DEEPSEEK, BLOCKS, on("H200-141", 8, context=163_840)).problem == ""


def test_an_engine_is_not_promised_where_matrices_cannot_be_divided():
    one = model("qwen3-235b-a22b-instruct-2507")
    blocked = fit(one.shape, BLOCKS, on("H200-141", 8))
    assert "1,536 cannot be divided among 8 GPUs in multiples of 128" in blocked.problem
    assert fit(one.shape, BLOCKS, on("H200-141", 4)).problem == ""
    assert fit(one.shape, BF16, on("H200-141", 8)).problem == ""


def test_an_engine_is_not_promised_where_heads_cannot_be_divided():
    assert (
        "14 attention heads" in fit(replace(LLAMA_8B, heads=14), BF16, on("L4-24", 4)).problem
    )
    thirds = replace(LLAMA_8B, heads=24, kv_heads=3)
    assert "3 key-value heads" in fit(thirds, BF16, on("L4-24", 2)).problem


def test_a_publisher_who_widened_the_matrices_lets_eight_gpus_share_them():
    one = model("qwen2.5-72b-instruct")
    weights = one.form("awq-4")
    setup = on("A10-24", 8)
    assert "cannot be divided" in fit(one.shape, weights.precision, setup).problem
    assert fit(one.shape_of(weights), weights.precision, setup).problem == ""


def test_an_old_gpu_is_told_what_it_lacks():
    assert "needs compute capability 8.0" in fit(LLAMA_8B, BF16, on("T4-16", 8)).problem


def test_an_encoder_keeps_no_cache():
    one = model("bge-m3")
    found = fit(one.shape, one.weights[0].precision, on("L4-24", 1, context=8_192))
    assert (found.problem, found.tokens, found.longest) == ("", 0, 8_192)


def test_the_least_number_of_gpus_is_found_and_one_less_would_not_do():
    wanted = [on(name, 1) for name in ("L40S-48", "H100-80", "H200-141")]
    for found in smallest(LLAMA_70B, FP8, wanted, 4):
        assert found.problem == ""
        assert found.requests >= 4
        if found.setup.count > 1:
            fewer = replace(found.setup, count=found.setup.count // 2)
            assert fit(LLAMA_70B, FP8, fewer).requests < 4


def test_too_many_requests_are_told_as_such():
    (found,) = smallest(LLAMA_8B, BF16, [on("L4-24", 1)], 1_000)
    assert "requests of 32,768 tokens fit at the same time, not 1,000" in found.problem


@given(SHAPES, SETUPS)
def test_the_longest_context_fits_and_one_token_more_does_not(shape, setup):
    found = fit(shape, BF16, setup)
    if shape.encoder or not found.longest:
        return
    for context, holds in ((found.longest, True), (found.longest + 1, False)):
        pool = cache(shape, replace(setup, context=context))
        assert (pool.requests(found.cache) >= 1) is holds


@given(SHAPES, SETUPS, st.integers(1, 100_000))
def test_a_longer_context_never_lets_more_requests_run(shape, setup, more):
    longer = replace(setup, context=setup.context + more)
    assert fit(shape, BF16, longer).requests <= fit(shape, BF16, setup).requests


@given(SHAPES, SETUPS, st.integers(1, 64 * GIB))
def test_more_memory_never_holds_less(shape, setup, more):
    pool = cache(shape, setup)
    assert pool.requests(GIB + more) >= pool.requests(GIB)


@given(SHAPES, SETUPS)
def test_what_an_engine_needs_is_never_more_for_each_of_more_gpus_but_for_their_buffers(
    shape, setup
):
    alone = needs(shape, replace(setup, count=1))
    assert needs(shape, setup) <= alone + 2 * GIB
