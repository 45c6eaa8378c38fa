"""The catalogue's sizes: they give the number of parameters that publishers state."""

import pytest

from inference.catalogue import models
from inference.shape import Experts, Latent, Shape

EXACT = [one.name for one in models().values() if "count" in one.checked]
ABOUT = [one.name for one in models().values() if "count" not in one.checked]
LLAMA = Shape(
    layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, width=14336, vocabulary=128256
)


@pytest.mark.parametrize("name", EXACT)
def test_sizes_give_the_publishers_number_of_parameters_to_the_last_one(name):
    one = models()[name]
    assert one.shape.parameters() == one.parameters


@pytest.mark.parametrize("name", ABOUT)
def test_sizes_whose_number_was_not_compared_exactly_are_within_one_in_a_hundred(name):
    one = models()[name]
    stated = one.parameters or one.about * 1e9
    assert one.shape.parameters() == pytest.approx(stated, rel=0.01)


def test_most_of_the_catalogue_was_compared_exactly():
    assert len(EXACT) > 9 * len(ABOUT)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("qwen3-235b-a22b-instruct-2507", 22),
        ("qwen3-30b-a3b", 3.3),
        ("deepseek-r1-0528", 37),
        ("gpt-oss-120b", 5.1),
        ("gpt-oss-20b", 3.6),
        ("mixtral-8x7b-instruct-v0.1", 12.9),
    ],
)
def test_a_token_passes_as_many_parameters_as_publishers_say(name, billions):
    assert models()[name].shape.active() == pytest.approx(billions * 1e9, rel=0.1)


def test_everything_is_either_in_a_matrix_of_a_layer_or_kept_whole():
    for one in models().values():
        shape = one.shape
        assert shape.parameters() == shape.matrices() + shape.kept_whole()
        assert shape.matrices() > 0


def test_key_value_heads_are_divided_until_each_gpu_has_one():
    assert [LLAMA.cached(count) for count in (1, 2, 4, 8, 16)] == [2048, 1024, 512, 256, 256]


def test_a_latent_vector_is_whole_on_every_gpu():
    shape = models()["deepseek-r1-0528"].shape
    assert [shape.cached(count) for count in (1, 2, 8)] == [576, 576, 576]


def test_queries_that_are_not_compressed_have_one_matrix():
    latent = Latent(query=0, key_value=512, rope=64, nope=128, value=128)
    experts = Experts(count=64, used=6, width=1408, shared=2816, dense_layers=1)
    lite = Shape(  # DeepSeek-V2-Lite, stated as 15.7 billion (arXiv 2405.04434, appendix B)
        layers=27,
        hidden=2048,
        heads=16,
        kv_heads=16,
        head_dim=128,
        width=10944,
        vocabulary=102400,
        latent=latent,
        experts=experts,
    )
    assert lite.parameters() == pytest.approx(15.7e9, rel=0.002)
