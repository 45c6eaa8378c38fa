"""Whether vLLM gets on is read from what its metrics count."""

from __future__ import annotations

import pytest

from inference.engines.vllm_progress import mark
from tests.inference.test_vllm_load import SAYS, server

COUNTED = """\
vllm:prompt_tokens_total{engine="0",model_name="m"} 98.0
vllm:generation_tokens_total{engine="0",model_name="m"} 20.0
"""


async def told(tmp_path, said, status="200 OK"):
    async with server(tmp_path / "s", said, status):
        return await mark(tmp_path / "s")


async def test_the_mark_stays_while_nothing_is_counted_and_moves_with_a_token(tmp_path):
    before = await told(tmp_path, SAYS + COUNTED)
    assert before is not None
    assert await told(tmp_path, SAYS + COUNTED) == before
    assert await told(tmp_path, SAYS + COUNTED.replace("20.0", "21.0")) != before


async def test_the_mark_moves_while_a_long_prompt_fills_the_cache(tmp_path):
    assert await told(tmp_path, SAYS) != await told(tmp_path, SAYS.replace("0.4375", "0.5"))


@pytest.mark.parametrize(
    ("said", "status"),
    [(SAYS.replace('"m"} 3.0', '"m"} 0.0'), "200 OK"), (SAYS, "503 x"), ("", "200 OK")],
)
async def test_who_has_nothing_to_do_or_says_nothing_has_no_mark(tmp_path, said, status):
    assert await told(tmp_path, said, status) is None


async def test_who_does_not_listen_has_no_mark(tmp_path):
    assert await mark(tmp_path / "s") is None
