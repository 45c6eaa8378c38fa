"""The fit calculator and the catalogue's sizes, against vLLM's and transformers' own code."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from inference.catalogue import gpu, models
from inference.fit import AT_ONCE, BLOCK, GIB, LATENT_BLOCK, Setup, cache
from inference.shape import Experts, Latent, Shape, Window

pytestmark = pytest.mark.vllm

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parent.parent / ".venv-vllm" / "bin" / "python"
QUIET = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # engines in the process that asks, one by one
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}
DECODERS = {one.name: one for one in models().values() if one.shape.encoder is None}
COUNTS = (1, 2, 8, 16)
SMALL = gpu("L4-24")  # on which a step has 2,048 tokens
POOL = 48 * 1024**2
TINY = {  # sizes with which vLLM's engines start in seconds, for each way to keep a cache
    "grouped": (
        "LlamaForCausalLM",
        Shape(
            layers=3, hidden=128, heads=4, kv_heads=2, head_dim=32, vocabulary=512, width=256
        ),
    ),
    "windows": (
        "Gemma3ForCausalLM",
        Shape(
            layers=7,
            hidden=128,
            heads=4,
            kv_heads=2,
            head_dim=32,
            vocabulary=512,
            width=256,
            window=Window(tokens=512, layers=5),
        ),
    ),
    "latent": (
        "DeepseekV3ForCausalLM",
        Shape(
            layers=2,
            hidden=256,
            heads=4,
            kv_heads=4,
            head_dim=128,
            vocabulary=512,
            width=256,
            latent=Latent(query=64, key_value=512, rope=64, nope=128, value=128),
            experts=Experts(count=4, used=2, width=64, shared=64, dense_layers=1),
        ),
    ),
}
MEMORY = 40 * GIB + 12_345
MODEL_TYPES = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "mistral",
    "MixtralForCausalLM": "mixtral",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
    "Qwen3MoeForCausalLM": "qwen3_moe",
    "DeepseekV3ForCausalLM": "deepseek_v3",
    "Gemma3ForCausalLM": "gemma3_text",
    "GptOssForCausalLM": "gpt_oss",
    "Phi3ForCausalLM": "phi3",
    "Glm4ForCausalLM": "glm4",
    "Glm4MoeForCausalLM": "glm4_moe",
    "GraniteForCausalLM": "granite",
    "SmolLM3ForCausalLM": "smollm3",
    "ApertusForCausalLM": "apertus",
    "MiniMaxM2ForCausalLM": "minimax_m2",
    "XLMRobertaModel": "xlm-roberta",
    "BertModel": "bert",
    "Gemma3ForConditionalGeneration": "gemma3",
    "Llama4ForConditionalGeneration": "llama4",
    "Mistral3ForConditionalGeneration": "mistral3",
}
SEEING = {  # the part of a model that sees images, as its config.json has it
    "gemma3": {
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "patch_size": 14,
        "image_size": 896,
        "vision_use_head": False,
    },
    "llama4": {
        "hidden_size": 1408,
        "intermediate_size": 5632,
        "num_hidden_layers": 34,
        "num_attention_heads": 16,
        "patch_size": 14,
        "image_size": 336,
        "vision_output_dim": 4096,
        "projector_input_dim": 4096,
        "projector_output_dim": 4096,
    },
    "mistral3": {
        "model_type": "pixtral",
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "head_dim": 64,
        "patch_size": 14,
        "image_size": 1540,
    },
}


def setup(one, count):
    return Setup(gpu=gpu("H100-80"), count=count, context=one.context)


def layers(one, count):
    shape = one.shape
    if shape.latent:
        size = shape.latent.key_value + shape.latent.rope
        return [
            {"kind": "latent", "heads": 1, "size": size, "block": LATENT_BLOCK}
        ] * shape.layers
    heads = max(1, shape.kv_heads // count)
    found = [
        {"kind": "full", "heads": heads, "size": shape.head_dim, "block": BLOCK}
    ] * shape.layers
    if shape.window:
        windowed = {**found[0], "kind": "window", "window": shape.window.tokens}
        found[: shape.window.layers] = [windowed] * shape.window.layers
    return found


def config(architecture, shape):
    """As the publisher's config.json would have it."""
    said = {
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.hidden,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.vocabulary,
        "tie_word_embeddings": shape.tied,
        "intermediate_size": shape.width or (shape.experts.width if shape.experts else 0),
        "pad_token_id": 0,
    }
    if shape.encoder:
        said |= {
            "max_position_embeddings": shape.encoder.positions,
            "type_vocab_size": shape.encoder.types,
        }
    if shape.window:
        full = shape.layers - shape.window.layers
        said |= {
            "sliding_window": shape.window.tokens,
            "layer_types": ["sliding_attention"] * shape.window.layers
            + ["full_attention"] * full,
        }
    if shape.qkv_bias and architecture != "Qwen2ForCausalLM":  # which always has it
        said["attention_bias"] = True
    if shape.head_norms and architecture == "Glm4MoeForCausalLM":
        said["use_qk_norm"] = True
    if shape.experts:
        count, used = shape.experts.count, shape.experts.used
        said |= {
            "num_local_experts": count,
            "n_routed_experts": count,
            "num_experts": count,
            "num_experts_per_tok": used,
            "moe_intermediate_size": shape.experts.width,
            "interleave_moe_layer_step": 1,
            "n_shared_experts": 1 if shape.experts.shared else 0,
            "first_k_dense_replace": shape.experts.dense_layers,
        }
    if shape.latent:
        said |= {
            "q_lora_rank": shape.latent.query,
            "kv_lora_rank": shape.latent.key_value,
            "qk_rope_head_dim": shape.latent.rope,
            "qk_nope_head_dim": shape.latent.nope,
            "v_head_dim": shape.latent.value,
        }
    return said


def counted(one):
    """What transformers is asked for."""
    model_type = MODEL_TYPES[one.architecture]
    said = config(one.architecture, one.shape)
    kind = "AutoModelForCausalLM" if one.task == "chat" else "AutoModel"
    if model_type in SEEING:
        kind = "AutoModelForImageTextToText"
        text = {**said, "model_type": "mistral"} if model_type == "mistral3" else said
        tied = {"tie_word_embeddings": one.shape.tied}
        said = {"text_config": text, "vision_config": SEEING[model_type], **tied}
    return {"model_type": model_type, "kind": kind, "config": said}


def tiny(architecture, shape):
    """What an engine is started with."""
    said = {
        **config(architecture, shape),
        "architectures": [architecture],
        "model_type": MODEL_TYPES[architecture],
        "max_position_embeddings": 8_192,
        "dtype": "bfloat16",
    }
    if shape.latent:
        said |= {"topk_method": "noaux_tc", "scoring_func": "sigmoid"}
        said |= {"n_group": 1, "topk_group": 1}
        said.pop("head_dim")
    return {"config": said, "memory": POOL, "in_flight": AT_ONCE * 2_048}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """One run of vLLM's Python for all questions: starting it takes longer than answering."""
    capacities = {
        f"{one.name}/{count}/{layout}": {
            "context": one.context,
            "in_flight": AT_ONCE * setup(one, count).batch,
            "memory": MEMORY,
            "layers": layers(one, count),
            "layout": layout,
        }
        for one in DECODERS.values()
        for count in COUNTS
        for layout in ("LBNHC", "BLHNC")
    }
    counts = {one.name: counted(one) for one in models().values()}
    starts = {name: tiny(*one) for name, one in TINY.items()}
    said = tmp_path_factory.mktemp("accounting") / "answers.json"
    done = subprocess.run(
        [PYTHON, HERE / "accounting.py", said],
        input=json.dumps({"capacity": capacities, "parameters": counts, "started": starts}),
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(said.read_text())


@pytest.mark.parametrize("name", DECODERS)
def test_the_cache_holds_as_many_tokens_as_vllm_says(answers, name):
    one = DECODERS[name]
    for count in COUNTS:
        ours = cache(one.shape, setup(one, count))
        for layout in ("LBNHC", "BLHNC"):
            theirs = answers["capacity"][f"{name}/{count}/{layout}"]
            assert ours.tokens(MEMORY, one.context) == theirs["tokens"], (count, layout)
            assert ours.requests(MEMORY) == pytest.approx(theirs["requests"])


@pytest.mark.parametrize("name", models())
def test_a_model_of_these_sizes_has_as_many_parameters_as_transformers_counts(answers, name):
    shape = models()[name].shape
    # What balances a router is no parameter there.
    theirs = answers["parameters"][name]
    ours = shape.parameters()
    if shape.experts and shape.experts.corrected:
        ours -= (shape.layers - shape.experts.dense_layers) * shape.experts.count
    assert ours == theirs


@pytest.mark.parametrize("name", TINY)
def test_an_engine_that_was_started_has_the_cache_that_was_reckoned(answers, name):
    _architecture, shape = TINY[name]
    theirs = answers["started"][name]
    setup = Setup(gpu=SMALL, count=1, context=8_192)
    if shape.window:  # the others do not depend on it
        assert theirs["in_flight"] == AT_ONCE * setup.batch
    ours = cache(shape, setup, theirs["block"])
    assert POOL // ours.block_bytes == theirs["blocks"]
    assert ours.tokens(POOL, setup.context) == theirs["tokens"]
    assert ours.requests(POOL) == pytest.approx(theirs["requests"])
