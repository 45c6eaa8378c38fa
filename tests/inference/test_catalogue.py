"""The catalogue: what it says of licences and engine arguments, and what it refuses to read."""

import shutil

import pytest

from inference.catalogue import (
    CatalogueInvalid,
    Unknown,
    gpu,
    gpus,
    licences,
    model,
    models,
    words,
)
from inference.catalogue.reading import FOLDER, load
from inference.registry import options, queue

MODEL = """
family = "Test"
publisher = "Test"
[[model]]
name = "one"
title = "One"
repository = "test/one"
architecture = "LlamaForCausalLM"
licence = "MIT"
context = 1024
checked = []
shape = {{ layers = 2, hidden = 64, heads = 2, kv_heads = 1, head_dim = 32, vocabulary = 128, width = 128 }}
{more}
"""  # noqa: E501
WEIGHTS = 'weights = [{ precision = "bf16", repository = "test/one" }]'


def read(folder, text):
    folder.joinpath("test.toml").write_text(text)
    return load(folder)


def test_a_model_in_a_file_is_found_by_its_name(tmp_path):
    found = read(tmp_path, MODEL.format(more=WEIGHTS))
    assert found["one"].licence.id == "MIT"
    assert found["one"].weights[0].engine == "vllm"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (f'{WEIGHTS}\noptions = {{ trust_remote_code = "yes" }}', "trust_remote_code"),
        (f"{WEIGHTS}\noptions = {{ max_model_len = true }}", "max_model_len"),
        ('weights = [{ precision = "q3", repository = "test/one" }]', "q3"),
        (f"{WEIGHTS}\nspeed = 3", "speed"),
        ("", "weights"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_by_file_and_name(tmp_path, more, word):
    with pytest.raises(CatalogueInvalid, match=rf"test\.toml: one: .*{word}"):
        read(tmp_path, MODEL.format(more=more))


def test_a_licence_that_is_not_described_is_refused(tmp_path):
    text = MODEL.format(more=WEIGHTS).replace('"MIT"', '"GPL-1.0"')
    with pytest.raises(CatalogueInvalid, match="GPL"):
        read(tmp_path, text)


def test_two_models_of_one_name_are_refused(tmp_path):
    shutil.copy(FOLDER / "phi.toml", tmp_path / "phi.toml")
    shutil.copy(FOLDER / "phi.toml", tmp_path / "phi-again.toml")
    with pytest.raises(CatalogueInvalid, match="twice"):
        load(tmp_path)


def test_every_name_can_be_a_models_name():
    for name in models():
        assert queue("site", name).endswith(name)


def test_the_families_that_people_deploy_are_there():
    assert {
        "llama-3.3-70b-instruct",
        "mistral-7b-instruct-v0.3",
        "mistral-small-3.2-24b-instruct-2506",
        "deepseek-v3-0324",
        "deepseek-r1-0528",
        "gemma-3-27b-it",
    } <= set(models())


def test_awq_gptq_fp8_and_gguf_are_there():
    forms = {each.precision.name for one in models().values() for each in one.weights}
    assert {"bf16", "fp8", "fp8-block", "awq-4", "gptq-4", "mxfp4", "gguf-q4_k_m"} <= forms


def test_llama_3_3_has_its_own_licence_and_is_not_restricted_in_the_eu():
    one = model("llama-3.3-70b-instruct")
    assert one.licence.id == "LicenseRef-Llama-3.3"
    assert "not MIT" in one.licence.terms
    assert one.eu == ""


def test_a_model_made_from_llama_keeps_llamas_licence():
    assert model("deepseek-r1-distill-llama-70b").licence.id == "LicenseRef-Llama-3.3"


def test_llama_4_grants_nothing_to_companies_in_the_eu():
    assert model("llama-4-scout-17b-16e-instruct").eu.startswith("No grant.")


def test_the_text_models_of_llama_3_2_are_not_restricted_in_the_eu_as_its_vision_models_are():
    assert licences()["LicenseRef-Llama-3.2"].eu
    assert model("llama-3.2-3b-instruct").eu == ""


def test_published_files_that_name_code_are_marked_because_an_import_refuses_them():
    assert {one.name for one in models().values() if one.remote_code} >= {
        "deepseek-v3-0324",
        "deepseek-r1-0528",
    }


def test_every_licence_is_of_some_model_and_tells_where_it_was_read():
    used = {one.licence.id for one in models().values()}
    assert used == set(licences())
    assert all(one.source and one.terms for one in licences().values())


def test_llama_cpp_gets_no_arguments_of_vllm():
    one = model("qwen3-8b")
    assert one.arguments(one.form("gguf-q8_0")) == {}
    assert one.arguments(one.form("bf16"))["reasoning_parser"] == "qwen3"


def test_an_import_takes_every_engine_argument_as_it_is_printed():
    for one in models().values():
        for weights in one.weights:
            printed = words.written(one.arguments(weights)).split()
            given = [part for part in printed if part != "--option"]
            assert dict(map(options.parsed, given)) == one.arguments(weights)


def test_gpus_are_in_order_of_memory_and_found_however_they_are_written():
    sizes = [one.memory for one in gpus().values()]
    assert sizes == sorted(sizes)
    assert gpu("h100-80").memory == 81559 * 1024**2


@pytest.mark.parametrize("find", [model, gpu, model("phi-4").form])
def test_an_unknown_name_is_told_with_what_there_is(find):
    with pytest.raises(Unknown, match=r"no .*'nothing-like-it'"):
        find("nothing-like-it")


def test_a_name_that_is_nearly_right_is_told_with_those_near_it():
    with pytest.raises(Unknown, match=r"Near it: .*llama-3.3-70b-instruct"):
        model("llama-3.3-70b")
