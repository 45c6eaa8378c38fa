"""Small models, adapters and files, written byte by byte."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

APACHE = "Apache License, Version 2.0: do as you like, and say so.\n"
Shapes = Mapping[str, Sequence[int]]


def safetensors(path: Path, tensors: Shapes, **header: Any) -> Path:
    """A file of BF16 zeros; `header` members replace what would be there."""
    said: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in tensors.items():
        size = 2
        for length in shape:
            size *= length
        said[name] = {
            "dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size],
        }  # fmt: skip
        end += size
    text = json.dumps(said | header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
    return path


def layers(hidden: int = 8, count: int = 1) -> dict[str, list[int]]:
    """Tensors as a Llama of `count` layers has them, more or less."""
    found: dict[str, list[int]] = {"model.embed_tokens.weight": [32, hidden]}
    for number in range(count):
        at = f"model.layers.{number}.self_attn"
        found |= {f"{at}.q_proj.weight": [hidden, hidden], f"{at}.v_proj.weight": [4, hidden]}
    return found


def model(folder: Path, tensors: Shapes | None = None, **config: Any) -> Path:
    """A folder as publishers have it, with one file of weights."""
    folder.mkdir(parents=True)
    safetensors(folder / "model.safetensors", tensors or layers())
    said = {
        "architectures": ["LlamaForCausalLM"],
        "max_position_embeddings": 4096,
        "model_type": "llama",
    }
    (folder / "config.json").write_text(json.dumps(said | config))
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"auto_map": 1}}}')
    (folder / "LICENSE").write_text(APACHE)
    (folder / "figure.png").write_bytes(b"\x89PNG")
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    return folder


def adapter(
    folder: Path, *, hidden: int = 8, at: str = "layers.0.self_attn.q_proj", **config: Any
) -> Path:
    """A LoRA adapter for the module `at` of `model`."""
    folder.mkdir(parents=True)
    at = f"base_model.model.model.{at}"
    safetensors(
        folder / "adapter_model.safetensors",
        {f"{at}.lora_A.weight": [4, hidden], f"{at}.lora_B.weight": [hidden, 4]},
    )
    said = {"peft_type": "LORA", "r": 4, "base_model_name_or_path": "org/base"}
    (folder / "adapter_config.json").write_text(json.dumps(said | config))
    (folder / "LICENSE").write_text(APACHE)
    return folder


def text(value: str) -> bytes:
    """A string of GGUF."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(
    path: Path,
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    keys: Sequence[bytes] | None = None,
    tensors: Sequence[tuple[str, Sequence[int], int, int]] = (("w", (32,), 0, 0),),
    counts: tuple[int, int] | None = None,
    data: int = 128,
) -> Path:
    """A file with these keys and tensors (name, shape, type, offset) and `data` bytes."""
    said = keys if keys is not None else [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("llama.context_length") + struct.pack("<II", 4, 2048),
        text("general.file_type") + struct.pack("<II", 4, 15),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
    ]  # fmt: skip
    content = magic + struct.pack("<IQQ", version, *(counts or (len(tensors), len(said))))
    content += b"".join(said)
    for name, shape, kind, offset in tensors:
        content += text(name) + struct.pack("<I", len(shape))
        content += b"".join(struct.pack("<Q", length) for length in shape)
        content += struct.pack("<IQ", kind, offset)
    content += bytes(-len(content) % 32) + bytes(data)
    path.write_bytes(content)
    return path
