"""What the files of a model say of it: architecture, context, quantisation, task.

What they do not say is asked of who imports it. What they say wrongly shows when the engine
starts; nothing here is trusted for safety.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.registry import gguf, safetensors
from inference.registry.refused import ImportRefused
from inference.registry.survey import Survey, json_of

CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_LENGTHS = (
    *("max_position_embeddings", "max_sequence_length", "n_positions", "seq_length"),
    *("n_ctx", "max_seq_len"),
)
_EMBEDDERS = frozenset(
    {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert"}
)
_PLAIN = frozenset({"F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})  # one number an element
_PACKED = frozenset({"qweight", "weight_packed"})  # GPTQ and AWQ; compressed-tensors
_CHATTY = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a model's files say. `context_length` is in tokens, 0 where they do not say."""

    weights: str  # safetensors or gguf
    engine: str
    task: str
    architecture: str = ""
    context_length: int = 0
    quantisation: str = ""


def facts(folder: Path, found: Survey) -> Facts:
    """What the files of a whole model say; raises `ImportRefused`."""
    kinds = {Path(one).suffix.lower() for one in found.weights}
    if kinds == {".gguf"}:
        return _of_gguf(folder, found)
    if kinds != {".safetensors"}:
        raise ImportRefused(
            "format", f"{folder} holds weights in two forms; import one of them at a time."
        )
    if CONFIG not in found.files:
        raise ImportRefused(
            "incomplete", f"{folder} has no {CONFIG}; download the whole folder.", CONFIG
        )
    _complete(folder, found)
    said = _members(json_of(folder / CONFIG, CONFIG), CONFIG)
    architecture = _first(said.get("architectures"))
    return Facts(
        weights="safetensors",
        engine="vllm",
        task="chat" if not architecture or architecture.endswith(_CHATTY) else "embeddings",
        architecture=architecture,
        context_length=_context(said),
        quantisation=_quantisation(folder, found, said),
    )


def _of_gguf(folder: Path, found: Survey) -> Facts:
    """Of a model that is split over several files the first one says all of it."""
    name = found.weights[0]
    header = gguf.header(folder / name, name)
    parts = header.says.get("split.count", 1)
    if parts != len(found.weights):
        raise ImportRefused(
            "incomplete",
            f"{folder} holds {len(found.weights)} GGUF files, and {name} says that the model "
            f"is {parts}. Import one model at a time, and all of its parts.",
            name,
        )
    length = header.of_architecture("context_length")
    pooled = header.of_architecture("pooling_type") not in (None, 0)
    embeds = pooled or header.architecture in _EMBEDDERS
    return Facts(
        weights="gguf",
        engine="llamacpp",
        task="embeddings" if embeds else "chat",
        architecture=header.architecture[:256],
        context_length=length if type(length) is int else 0,
        quantisation=gguf.FILE_TYPES.get(header.says.get("general.file_type", -1), ""),
    )


def _complete(folder: Path, found: Survey) -> None:
    """Raise `ImportRefused` where an index names a file that is not there."""
    for index in [one for one in found.files if one.endswith(".safetensors.index.json")]:
        parts = _members(json_of(folder / index, index), index).get("weight_map", {})
        named = {str(part) for part in parts.values()} if isinstance(parts, dict) else set()
        beside = index.rpartition("/")[0]
        for part in sorted(named):
            path = f"{beside}/{part}" if beside else part
            if path not in found.files:
                raise ImportRefused(
                    "incomplete", f"{index} names {part}, which is not there.", part[:200]
                )


def _members(said: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise ImportRefused("format", f"{path} does not hold an object.", path)
    return said


def _first(said: Any) -> str:
    return str(said[0])[:256] if isinstance(said, list) and said else ""


def _context(said: Mapping[str, Any]) -> int:
    """Tokens; of a model that also sees, its part for text says it."""
    within = said.get("text_config")
    for one in (said, within if isinstance(within, dict) else {}):
        for name in _LENGTHS:
            if type(one.get(name)) is int and one[name] > 0:
                return int(one[name])
    return 0


def _quantisation(folder: Path, found: Survey, said: Mapping[str, Any]) -> str:
    inside = said.get("quantization_config") or said.get("compression_config")
    if not isinstance(inside, dict) and "hf_quant_config.json" in found.files:
        other = _members(json_of(folder / "hf_quant_config.json", "hf_quant_config.json"), "")
        inside = {"quant_method": "modelopt", **_dict(other.get("quantization"))}
    if not isinstance(inside, dict):
        return ""
    words = [str(inside.get("quant_method", "")), str(inside.get("quant_algo", ""))]
    if type(inside.get("bits")) is int:
        words.append(f"{inside['bits']} bit")
    return " ".join(word for word in words if word)[:64]


def _dict(said: Any) -> dict[str, Any]:
    return dict(said) if isinstance(said, dict) else {}


@dataclass(frozen=True, slots=True)
class Adapter:
    """What the files of a LoRA adapter say. `base` is what its maker called the base."""

    rank: int
    base: str
    shapes: Mapping[str, tuple[int, int]]  # by module, what its two matrices take and give


def adapter(folder: Path, found: Survey) -> Adapter:
    """What an adapter's files say; raises `ImportRefused` for what the engine cannot apply."""
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if name not in found.files:
            raise ImportRefused(
                "incomplete", f"{folder} has no {name}; it is no LoRA adapter of PEFT.", name
            )
    said = _members(json_of(folder / ADAPTER_CONFIG, ADAPTER_CONFIG), ADAPTER_CONFIG)
    rank = said.get("r")
    if said.get("peft_type") != "LORA" or type(rank) is not int or not 1 <= rank <= 1024:  # noqa: PLR2004
        raise ImportRefused(
            "format", f"{ADAPTER_CONFIG} does not describe a LoRA adapter.", ADAPTER_CONFIG
        )
    for name in ("use_dora", "modules_to_save", "megatron_config"):
        if said.get(name):
            raise ImportRefused(
                "format",
                f"{ADAPTER_CONFIG} asks for {name}, which the engine cannot apply.",
                ADAPTER_CONFIG,
            )
    found_tensors = safetensors.tensors(folder / ADAPTER_WEIGHTS, ADAPTER_WEIGHTS)
    return Adapter(rank, str(said.get("base_model_name_or_path") or ""), _pairs(found_tensors))


def _pairs(found: Mapping[str, safetensors.Tensor]) -> dict[str, tuple[int, int]]:
    """By module, what its pair of matrices takes and gives: A is [r, in], B is [out, r]."""
    pairs: dict[str, tuple[int, int]] = {}
    for name, down in found.items():
        module, mark, _ = name.partition(".lora_A.")
        up = found.get(name.replace(".lora_A.", ".lora_B."))
        if not mark or up is None:
            continue
        if len(down.shape) != 2 or len(up.shape) != 2 or down.shape[0] != up.shape[1]:  # noqa: PLR2004
            raise ImportRefused(
                "format", f"{ADAPTER_WEIGHTS} has a pair that does not fit: {name[:200]}.",
                ADAPTER_WEIGHTS,
            )  # fmt: skip
        pairs[module.removeprefix("base_model.model.")] = (down.shape[1], up.shape[0])
    if not pairs:
        raise ImportRefused(
            "format", f"{ADAPTER_WEIGHTS} holds no LoRA matrices.", ADAPTER_WEIGHTS
        )
    return pairs


def fits(made: Adapter, base: Path, name: str) -> None:
    """Raise `ImportRefused` unless the base in `base`, called `name`, has these modules.

    Shapes are compared where the base's weights are not packed by a quantisation. Modules are
    compared from their layer on: what stands before it differs between releases of one model.
    The layers of a part that sees then have the same names, and count as well.
    """
    modules: defaultdict[str, set[tuple[int, ...]]] = defaultdict(set)
    packed: set[str] = set()
    for path in sorted(base.rglob("*.safetensors")):
        for tensor, about in safetensors.tensors(path, path.name).items():
            module, _, kind = tensor.rpartition(".")
            there = _from_layer(module)
            modules[there].update([about.shape] if kind == "weight" else [])
            if kind in _PACKED or (kind == "weight" and about.dtype not in _PLAIN):
                packed.add(there)
    for module, (takes, gives) in made.shapes.items():
        there = _from_layer(module)
        if there not in packed and (gives, takes) not in modules.get(there, ()):
            raise ImportRefused(
                "base",
                f"The adapter changes {module} from {takes} to {gives}, which {name} does not "
                "have: it was made for another model. Name its base with --adapter-of.",
                ADAPTER_WEIGHTS,
            )


def _from_layer(module: str) -> str:
    _, mark, rest = module.rpartition("layers.")
    return f"layers.{rest}" if mark else module
