"""Where the processes of a node listen."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path


def engine_socket(run: Path, node: str, model: str) -> Path:
    """Where the engine of `node` for `model` listens: a node has one for each model.

    It is as long whatever they are called: a socket's path holds 107 bytes on Linux.
    """
    named = base64.b32encode(hashlib.sha256(f"{node}/{model}".encode()).digest())
    return run / f"engine-{named[:6].decode().lower()}.sock"
