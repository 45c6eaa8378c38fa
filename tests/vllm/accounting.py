"""Run by vLLM's Python: how vLLM divides a cache, and how many parameters transformers counts.

Reads questions as JSON from its input and writes answers as JSON to the file that it is given.
Large models are built without storage; tiny ones are started, with random weights.
"""

import gc
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch
import transformers
from vllm import LLM
from vllm.v1.core import kv_cache_utils
from vllm.v1.kv_cache_interface import FullAttentionSpec, MLAAttentionSpec, SlidingWindowSpec
from vllm.v1.kv_cache_layout import KVCacheLayout


def capacity(asked):
    """Tokens that vLLM says its cache holds, and requests of the whole context."""
    config = SimpleNamespace(
        model_config=SimpleNamespace(max_model_len=asked["context"]),
        scheduler_config=SimpleNamespace(disable_hybrid_kv_cache_manager=False),
        parallel_config=SimpleNamespace(
            decode_context_parallel_size=1, prefill_context_parallel_size=1
        ),
        attention_config=SimpleNamespace(hisparse_config=None),
        cache_config=SimpleNamespace(
            num_gpu_blocks_override=None,
            prefix_cache_retention_interval=0,
            get_resolved_kv_cache_layout=lambda: KVCacheLayout[asked["layout"]],
        ),
        speculative_config=None,
        max_in_flight_tokens=asked["in_flight"],
    )
    specs = {f"layer.{number}": spec(one) for number, one in enumerate(asked["layers"])}
    groups = kv_cache_utils.get_kv_cache_groups(config, specs)
    made = kv_cache_utils.get_kv_cache_config_from_groups(config, groups, asked["memory"])
    tokens, requests = kv_cache_utils.get_kv_cache_capacity(config, made)
    return {"tokens": tokens, "requests": requests}


def spec(layer):
    """A layer's part of the cache, in vLLM's words."""
    common = {
        "block_size": layer["block"],
        "num_kv_heads": layer["heads"],
        "head_size": layer["size"],
        "dtype": torch.bfloat16,
    }
    if layer["kind"] == "latent":
        return MLAAttentionSpec(**common)
    if layer["kind"] == "window":
        return SlidingWindowSpec(**common, sliding_window=layer["window"])
    return FullAttentionSpec(**common)


def parameters(asked):
    """How many parameters a model of such a configuration has; those that are shared, once."""
    config = transformers.AutoConfig.for_model(asked["model_type"], **asked["config"])
    kind = getattr(transformers, asked["kind"])
    with torch.device("meta"):
        model = kind.from_config(config)
    return sum(one.numel() for one in model.parameters())


def started(asked):
    """What an engine says that was started with so much memory for its cache."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(asked["config"]))
        engine = LLM(
            folder,
            load_format="dummy",
            skip_tokenizer_init=True,
            enforce_eager=True,
            async_scheduling=False,
            kv_cache_memory_bytes=asked["memory"],
            max_num_batched_tokens=asked["in_flight"],
            max_num_seqs=4,
        ).llm_engine
    config = engine.vllm_config
    found = config.cache_config
    answer = {
        "block": found.block_size,
        "blocks": found.num_gpu_blocks,
        "tokens": found.kv_cache_size_tokens,
        "requests": found.kv_cache_max_concurrency,
        "in_flight": config.max_in_flight_tokens,
    }
    del engine, config, found
    gc.collect()
    return answer


def main():
    """Answer every question."""
    asked = json.load(sys.stdin)
    answers = {
        "capacity": {key: capacity(one) for key, one in asked["capacity"].items()},
        "parameters": {key: parameters(one) for key, one in asked["parameters"].items()},
        "started": {key: started(one) for key, one in asked["started"].items()},
    }
    Path(sys.argv[1]).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
