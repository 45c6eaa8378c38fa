# ruff: noqa: INP001 - a script, not part of a package
"""Writes the appliance's software bill of materials: CycloneDX 1.6, JSON, validated.

    .venv/bin/python docker/sbom.py [OUTPUT]      (build/sbom.cdx.json)

`cyclonedx-py` describes every package of the environment this runs in. Left in are those
that the lock's production closure reaches (no development group); added are the weights of
the language model, which are not a package but are just as much shipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from inference.registry import CATALOGUE  # noqa: E402 - found from any folder


class BillIncomplete(Exception):
    """The environment and the lock disagree. The message says in what."""


def production_closure(lock: Mapping[str, Any], root: str) -> set[str]:
    """Names of the packages that `root` needs at run time on this platform."""
    packages = {package["name"]: package for package in lock["package"]}
    seen: set[str] = set()
    waiting = [(root, frozenset[str]())]
    visited: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in visited:
            continue
        visited.add((name, extras))
        seen.add(name)
        waiting.extend(_needs(packages[name], extras))
    return seen - {root}


def _needs(
    package: Mapping[str, Any], extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    optional = package.get("optional-dependencies", {})
    wanted = list(package.get("dependencies", []))
    for extra in sorted(extras):
        wanted.extend(optional.get(extra, []))
    for dependency in wanted:
        marker = dependency.get("marker")
        if marker is None or Marker(marker).evaluate():
            yield dependency["name"], frozenset(dependency.get("extra", ()))


def environment_bill(python: str, pyproject: Path) -> dict[str, Any]:
    """What `cyclonedx-py` says about the environment of `python`."""
    command = [python, "-m", "cyclonedx_py", "environment", python]
    options = ["--pyproject", str(pyproject), "--sv", "1.6", "--of", "JSON"]
    options.append("--no-validate")  # `build` does, when nothing is left to be changed
    run = subprocess.run(  # noqa: S603 - our own interpreter and constant arguments
        [*command, *options, "--output-reproducible"], check=True, capture_output=True
    )
    bill: dict[str, Any] = json.loads(run.stdout)
    return bill


def only(bill: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """`bill` with the components in `names`, all of which must be there."""
    kept = [part for part in bill["components"] if canonicalize_name(part["name"]) in names]
    missing = names - {canonicalize_name(part["name"]) for part in kept}
    if missing:
        raise BillIncomplete(
            f"The lock names {', '.join(sorted(missing))}, but the environment lacks it; "
            "run uv sync --frozen."
        )
    refs = {part["bom-ref"] for part in kept} | {bill["metadata"]["component"]["bom-ref"]}
    edges = [
        {**edge, "dependsOn": [ref for ref in edge.get("dependsOn", []) if ref in refs]}
        for edge in bill.get("dependencies", [])
        if edge["ref"] in refs
    ]
    return {**bill, "components": kept, "dependencies": edges}


def weights() -> Iterator[dict[str, Any]]:
    """The weights of every model in the catalogue, each checked against its digest."""
    for model in CATALOGUE.values():
        model.check()
        yield {
            "type": "machine-learning-model",
            "bom-ref": f"weights:{model.digest}",
            "name": model.name,
            "version": f"sha256:{model.digest}",
            "description": f"Weights file {model.path.name}; {model.origin}.",
            "hashes": [{"alg": "SHA-256", "content": model.digest}],
            "licenses": [{"license": {"id": model.licence}}],
            "modelCard": {
                "modelParameters": {
                    "task": "text-generation",
                    "inputs": [{"format": "text"}],
                    "outputs": [{"format": "text"}],
                }
            },
            "properties": [{"name": "domicile:bytes", "value": str(model.size)}],
        }


def build() -> str:
    """The bill as JSON text; raises `BillIncomplete` where it would be wrong."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    bill = only(
        environment_bill(sys.executable, ROOT / "pyproject.toml"),
        production_closure(lock, "domicile"),
    )
    models = list(weights())
    bill["components"].extend(models)
    root = bill["metadata"]["component"]["bom-ref"]
    for edge in bill["dependencies"]:
        if edge["ref"] == root:
            edge["dependsOn"].extend(model["bom-ref"] for model in models)
    text = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        raise BillIncomplete(f"The bill is not valid CycloneDX 1.6: {fault}")
    return text


def main() -> None:
    """Write the bill where the first argument says."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "sbom.cdx.json"
    text = build()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    count = len(json.loads(text)["components"])
    print(f"{output}: {count} components, valid CycloneDX 1.6.")  # noqa: T201


if __name__ == "__main__":
    main()
