"""`manage.py catalogue`: what it prints, and how it ends."""

import os
import re
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inference.catalogue import models

ROOT = Path(__file__).resolve().parents[2]


def said(*arguments):
    out = StringIO()
    call_command("catalogue", *arguments, stdout=out)
    return out.getvalue()


def test_the_list_has_a_line_for_each_model_and_its_licence():
    lines = said("list").splitlines()
    assert [line.split()[0] for line in lines] == list(models())
    assert any("LicenseRef-Llama-4 (restricted in the EU)" in line for line in lines)


def test_the_list_is_narrowed_by_family_task_and_the_eu():
    assert all(
        line.startswith("gemma") for line in said("list", "--family", "gemma").splitlines()
    )
    assert "bge-m3" in said("list", "--task", "embeddings")
    assert "gemma" not in said("list", "--task", "embeddings")
    assert "llama-4" not in said("list", "--eu")


def test_the_kinds_of_gpu_are_listed_with_their_memory():
    assert re.search(r"H100-80 +79\.6 GiB  NVIDIA H100 80GB", said("list", "--gpus"))


def test_a_model_is_shown_with_its_terms_sizes_arguments_and_what_was_compared():
    text = said("show", "deepseek-r1-0528")
    for part in (
        "671.0 billion, of which each token passes",
        "one latent vector of 576 elements",
        "auto_map",
        "--option reasoning_parser=deepseek_r1 --option tool_call_parser=deepseek_v3",
        "publisher's number of parameters to the last one",
        "were not compared",
    ):
        assert part in text


def test_a_model_that_may_not_be_used_in_the_eu_says_so():
    assert "No grant." in said("show", "llama-4-scout-17b-16e-instruct")


def test_a_fit_tells_the_fewest_gpus_and_the_arguments_to_import_with():
    text = said("fit", "llama-3.3-70b-instruct", "--gpu", "H100-80", "--context", "8192")
    assert "4 x NVIDIA H100 80GB" in text
    assert (
        "To import for 4 x NVIDIA H100 80GB: --option max_model_len=8192 --option "
        "tensor_parallel=4 --option tool_call_parser=llama3_json"
    ) in text


def test_a_fit_of_so_many_gpus_is_one_of_these_and_no_other():
    text = said("fit", "qwen3-8b", "--precision", "bf16", "--gpu", "l40s-48", "--gpus", "2")
    assert "2 x NVIDIA L40S" in text
    assert "tensor_parallel=2" in text


def test_a_short_cache_is_among_the_arguments():
    text = said("fit", "qwen3-8b", "--precision", "bf16", "--gpu", "L4-24", "--cache", "8")
    assert "kv_cache_dtype=fp8" in text


def test_a_gguf_is_told_by_the_main_memory_that_it_takes():
    text = said("fit", "gemma-3-4b-it", "--precision", "gguf-q4_0", "--context", "4096")
    assert "Main memory, without a GPU: about" in text


def test_a_longer_context_than_the_models_is_not_reckoned_with():
    text = said("fit", "phi-4", "--context", "50000", "--gpu", "H100-80")
    assert "made for 16,384 tokens at most" in text
    assert "max_model_len=16384" in text


def test_what_does_not_fit_ends_with_1():
    with pytest.raises(SystemExit) as ended:
        said("fit", "llama-3.1-405b-instruct", "--precision", "bf16", "--gpu", "L4-24")
    assert ended.value.code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "llama-5"),
        ("fit", "phi-4", "--gpu", "Abacus"),
        ("fit", "phi-4", "--precision", "q1"),
    ],
)
def test_what_the_catalogue_does_not_have_ends_with_2(arguments):
    with pytest.raises(CommandError, match="The catalogue has no") as ended:
        said(*arguments)
    assert ended.value.returncode == 2


@pytest.mark.parametrize("option", ["--context", "--concurrent"])
def test_numbers_below_one_are_refused(option):
    with pytest.raises(CommandError, match="at least 1"):
        said("fit", "phi-4", option, "0")


def test_a_list_that_nobody_reads_to_its_end_ends_as_other_programs_do():
    """As in `manage.py catalogue list | head`."""
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "manage.py", "catalogue", "list"]
    done = subprocess.run(command, cwd=ROOT, stdout=writes, stderr=subprocess.PIPE, check=False)
    os.close(writes)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")
