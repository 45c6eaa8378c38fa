"""A policy from a file: JSON, or YAML by its name."""

from __future__ import annotations

from pathlib import Path

from compliance.policy.rules import Policy, PolicyRefused, parse
from compliance.policy.yaml import from_yaml

YAML = frozenset({".yaml", ".yml"})
KNOWN = YAML | {".json"}
FILE_MAX = 4_000_000  # bytes


def document(path: Path) -> str:
    """The JSON text in a file; raises `PolicyRefused`, and OSError."""
    if path.stat().st_size > FILE_MAX:
        raise PolicyRefused(f"the file has more than {FILE_MAX} bytes")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyRefused(f"the file is not UTF-8 at byte {error.start}") from error
    return from_yaml(text) if path.suffix.lower() in YAML else text


def policy(path: Path) -> Policy:
    """The policy in a file; raises `PolicyRefused`, and OSError."""
    return parse(document(path))
