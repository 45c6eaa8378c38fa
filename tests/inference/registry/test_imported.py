"""A model's folder against its manifest, whatever somebody puts there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference.drift import Drift, sign
from inference.registry import ModelUnusable, find, manifest
from tests.inference.tickets import GATEWAY, NODE
from tests.services.appliance import BASE
from tests.services.waiting import PATIENCE

KEYS = [GATEWAY.public_key().public_bytes_raw()]
FILES = {"LICENSE": b"Do as you like.\n", "model.safetensors": b"weights"}


def put(models: Path, files: dict[str, bytes] = FILES, **changes: object) -> Path:
    """A model called m that the gateway signed; its folder."""
    folder = models / "m"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    told = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    fields: dict[str, object] = {
        "name": "m",
        "kind": "model",
        "task": "chat",
        "weights": "safetensors",
        "engine": "vllm",
        "context_length": 9,
        "licence": manifest.LicenceOf("MIT", told["LICENSE"]),
        "origin": "a test",
        "files": [manifest.File(name, len(files[name]), told[name]) for name in sorted(files)],
        "lineage": manifest.Lineage(),
    }
    content = manifest.encoded(manifest.Manifest(**fields | changes))  # type: ignore[arg-type]
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_text(manifest.sign(content, GATEWAY))
    return folder


def refused(models: Path) -> ModelUnusable:
    """Why the model is not served."""
    with pytest.raises(ModelUnusable) as caught:
        find("m", models, KEYS).check()
    return caught.value


def test_what_was_signed_is_served(tmp_path):
    put(tmp_path)
    find("m", tmp_path, KEYS).check()


@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        ({"engine": "llamacpp", "weights": "gguf"}, "model.safetensors"),
        ({"engine": "llamacpp", "weights": "gguf"}, "MODEL.GGUF"),
        ({"engine": "llamacpp"}, "model.safetensors"),
        ({}, "model.gguf"),
        ({}, "model.SAFETENSORS"),
        ({"engine": "vllm", "weights": "gguf"}, "model.gguf"),
    ],
)
def test_a_manifest_without_the_weights_that_its_engine_reads_is_refused(
    tmp_path, changes, weights
):
    put(tmp_path, {"LICENSE": FILES["LICENSE"], weights: b"w"}, **changes)
    error = refused(tmp_path)
    assert (error.file, error.reason) == ("manifest.json", "manifest")


def test_a_file_whose_name_is_no_text_is_told_in_a_name_that_is(tmp_path):
    folder = put(tmp_path)
    (folder / os.fsdecode(b"x\xff")).write_bytes(b"")
    error = refused(tmp_path)
    assert (error.file, error.reason) == ("x\\udcff", "unlisted")
    assert "x\\udcff" in str(error)
    told = Drift(node="n", site="s", model="m", file=error.file, reason=error.reason, time=1)
    assert sign(told, NODE)


def test_what_cannot_be_read_is_refused_as_changed(tmp_path):
    """Here a folder so deep that no path leads there; an unreadable disk fails likewise."""
    deep = os.open(put(tmp_path), os.O_RDONLY)
    for _ in range(50):
        os.mkdir("d" * 100, dir_fd=deep)
        deeper = os.open("d" * 100, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = deeper
    os.close(deep)
    error = refused(tmp_path)
    assert (error.file[:3], error.reason) == ("ddd", "changed")
    assert "cannot be read" in str(error)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_a_pipe_in_place_of_a_manifest_is_refused_and_not_waited_for(tmp_path, name):
    folder = put(tmp_path)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    code = (
        "import sys; from pathlib import Path; from inference.registry import find\n"
        "try: find('m', Path(sys.argv[1]), [bytes.fromhex(sys.argv[2])])\n"
        "except Exception as error: print(type(error).__name__, error.file)"
    )
    done = subprocess.run(  # one that waits can be ended
        [sys.executable, "-c", code, str(tmp_path), KEYS[0].hex()],
        check=False,
        cwd=BASE,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout.split() == ["ManifestRefused", name], done.stderr
