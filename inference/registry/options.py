"""Engine arguments that a model's manifest may carry.

They are chosen when the model is imported, and signed with it: what serves a model cannot be
changed on a node. An engine turns those that it knows into its own arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from inference.registry.entry import Option

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SHARE = re.compile(r"0\.[0-9]{1,4}|1\.0{1,4}")

_NUMBERS: Mapping[str, range] = {
    "tensor_parallel": range(1, 1025),  # GPUs that share each layer
    "pipeline_parallel": range(1, 1025),  # groups of GPUs that share the layers
    "max_model_len": range(1, 2**31),  # tokens, prompt and answer
    "max_num_seqs": range(1, 65_537),  # requests that run at the same time
    "max_lora_rank": range(1, 1025),
    "kv_cache_bytes": range(1, 2**50),
}
_WORDS: Mapping[str, re.Pattern[str]] = {
    "gpu_memory_utilization": _SHARE,  # a share of the GPU's memory, as in 0.90
    "kv_cache_dtype": _WORD,
    "quantization": _WORD,
    "reasoning_parser": _WORD,
    "tool_call_parser": _WORD,
    "chat_template": _FILE,  # a file of the model
    "dtype": _WORD,
}
_SWITCHES = frozenset({"enforce_eager"})

KEYS = frozenset({*_NUMBERS, *_WORDS, *_SWITCHES})


class OptionRefused(Exception):
    """An engine argument is unknown or cannot have this value. The message names it."""


def check(options: Mapping[str, Option]) -> None:
    """Raise `OptionRefused` unless each is known and has a value of its type."""
    for key, value in options.items():
        if key not in KEYS:
            raise OptionRefused(
                f"{key[:64]!r} is no engine argument that a model may carry; there are "
                f"{', '.join(sorted(KEYS))}."
            )
        if not _fits(key, value):
            raise OptionRefused(f"The engine argument {key} cannot be {str(value)[:64]!r}.")


def parsed(given: str) -> tuple[str, Option]:
    """`key=value` as a person writes it; raises `OptionRefused`."""
    key, equals, text = given.partition("=")
    value: Option = text
    if key in _NUMBERS and text.isascii() and text.isdigit():
        value = int(text)
    elif key in _SWITCHES and text in ("yes", "no"):
        value = text == "yes"
    if not equals:
        raise OptionRefused(
            f"{given[:64]!r} is not written as key=value; a switch is yes or no."
        )
    check({key: value})
    return key, value


def _fits(key: str, value: Option) -> bool:
    if key in _SWITCHES:
        return isinstance(value, bool)
    if key in _NUMBERS:
        return type(value) is int and value in _NUMBERS[key]
    return isinstance(value, str) and _WORDS[key].fullmatch(value) is not None
