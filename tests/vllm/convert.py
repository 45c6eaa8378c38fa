"""Run by vLLM's Python: models small enough to serve on two cores, as folders of safetensors.

python convert.py gguf FILE TEMPLATE FOLDER     the model that ships, with a chat template
python convert.py adapter MODEL FOLDER          a random LoRA adapter of the model in MODEL
python convert.py tiny NAME MODEL FOLDER        random weights of an architecture, with
                                                the tokenizer of the model in MODEL
python convert.py thinker MODEL FOLDER          what it writes is known: it thinks first
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

RANK = 8
TOKENS = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
SMALL: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 2048,
}
# Sizes of latent attention must be the real ones: the kernels know no others.
LATENT: dict[str, Any] = {
    "kv_lora_rank": 512,
    "q_lora_rank": 64,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "num_key_value_heads": 4,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "topk_method": "noaux_tc",
    "scoring_func": "sigmoid",
}
# What follows each token; after what begins an answer it thinks, and "and" is without an end.
FOLLOWS = {
    "\n": "<think>",
    "<think>": " secret",
    " secret": "</think>",
    "</think>": " open",
    " open": "<|im_end|>",
    " and": " on",
    " on": " and",
}
MARKS = {"<issue_start>": "<think>", "<issue_closed>": "</think>"}  # tokens that it never uses
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {}),
    "mistral": ("MistralConfig", {"sliding_window": None}),
    "qwen3": ("Qwen3Config", {}),
    "gemma3": ("Gemma3TextConfig", {"sliding_window": 512}),
    "deepseek-v3": ("DeepseekV3Config", LATENT),
}


def gguf(file: Path, template: Path, folder: Path) -> None:
    """The weights and the tokenizer of a GGUF file."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        quantization_config=transformers.GgufConfig(dequantize=True),
        dtype="bfloat16",
    )
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(
        file.parent, gguf_file=file.name
    ).save_pretrained(folder)
    shutil.copy(template, folder / "chat_template.jinja")


def adapter(model: Path, folder: Path) -> None:
    """An adapter strong enough that answers with it are others."""
    sizes = json.loads((model / "config.json").read_text())
    width = sizes["hidden_size"]
    narrow = sizes["num_key_value_heads"] * sizes["head_dim"]
    made = torch.Generator().manual_seed(7)
    weights = {}
    for layer in range(sizes["num_hidden_layers"]):
        for name, out in (("q_proj", width), ("v_proj", narrow)):
            at = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{at}.lora_A.weight"] = torch.randn(RANK, width, generator=made)
            weights[f"{at}.lora_B.weight"] = torch.randn(out, RANK, generator=made)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    about = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "smollm2-135m",
        "r": RANK,
        "lora_alpha": RANK,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["q_proj", "v_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(about))


def tiny(name: str, model: Path, folder: Path) -> None:
    """A model that writes nonsense by the real code of its architecture."""
    kind, sizes = TINY[name]
    tokens = json.loads((model / "config.json").read_text())
    given = SMALL | sizes
    if "kv_lora_rank" in sizes:
        given.pop("head_dim")
    config = getattr(transformers, kind)(
        **given,
        vocab_size=tokens["vocab_size"],
        bos_token_id=tokens["bos_token_id"],
        eos_token_id=tokens["eos_token_id"],
        pad_token_id=tokens["eos_token_id"],
        dtype="bfloat16",
        tie_word_embeddings=True,
    )
    torch.manual_seed(7)
    made = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    made.save_pretrained(folder)
    for file in TOKENS:
        shutil.copy(model / file, folder / file)


def thinker(model: Path, folder: Path) -> None:
    """A model whose every token says which comes next; no prompt changes that.

    Its layers add nothing: what is compared with all tokens is the last one alone.
    """
    tokens = json.loads((model / "config.json").read_text())
    config = transformers.LlamaConfig(
        **SMALL,
        vocab_size=tokens["vocab_size"],
        bos_token_id=tokens["bos_token_id"],
        eos_token_id=tokens["eos_token_id"],
        pad_token_id=tokens["eos_token_id"],
        dtype="bfloat16",
        tie_word_embeddings=False,
    )
    torch.manual_seed(7)
    made = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    folder.mkdir(parents=True)
    for file in TOKENS:
        text = (model / file).read_text()
        for old, new in MARKS.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        (folder / file).write_text(text)
    said = json.loads((folder / TOKENS[0]).read_text())
    for token in said["added_tokens"]:
        token["special"] = token["special"] and token["content"] not in MARKS.values()
    (folder / TOKENS[0]).write_text(json.dumps(said))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        for layer in made.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        words = made.model.embed_tokens.weight
        words.copy_(torch.randn(words.shape).sign())
        made.lm_head.weight.zero_()
        for before, after in FOLLOWS.items():
            (last,), (following,) = (
                tokenizer(one, add_special_tokens=False).input_ids for one in (before, after)
            )
            made.lm_head.weight[following] += words[last]
    made.save_pretrained(folder)


def main(arguments: list[str]) -> None:
    """Make one, whole or not at all."""
    kind, *given, target = arguments
    folder = Path(target)
    scratch = folder.with_name(f".{folder.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    if kind == "gguf":
        gguf(Path(given[0]), Path(given[1]), scratch)
    elif kind == "adapter":
        adapter(Path(given[0]), scratch)
    elif kind == "thinker":
        thinker(Path(given[0]), scratch)
    else:
        tiny(given[0], Path(given[1]), scratch)
    scratch.rename(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
