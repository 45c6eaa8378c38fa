"""Which files of a folder become a model: the ones that nothing can run from.

Weights come as safetensors or GGUF, everything else as text that is read as data. What may be
code (Python, and pickles, which are programs for Python's unpickler) is refused by its name and
by how it begins; what is neither needed nor dangerous, as pictures are, is left out.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from inference.registry import gguf, safetensors
from inference.registry.manifest import FILES_MAX, MANIFEST, SIGNATURE, well_named
from inference.registry.refused import ImportRefused

WEIGHTS = frozenset({".safetensors", ".gguf"})
TEXTS = frozenset({".json", ".txt", ".md", ".jinja", ".model", ".tiktoken"})
PAPERS = ("license", "licence", "notice", "copying", "use_policy")  # names without a suffix
PICKLES = frozenset(
    {
        *(".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill", ".npy"),
        *(".npz", ".mar", ".pt2", ".ptl", ".nemo", ".h5", ".keras"),
    }
)
CODE = frozenset(
    {".py", ".pyc", ".pyo", ".pyd", ".so", ".sh", ".js", ".wasm", ".dll", ".exe", ".ipynb"}
)
TEXT_MAX = 64 * 1024 * 1024  # bytes
SIZE_MAX = 2**44  # bytes of a file
DEPTH_MAX = 3  # folders in folders
PATH_MAX = 100  # characters, as the header of a tar file holds them
_BEGINNING = 4096  # bytes
_PICKLE = re.compile(rb"\x80[\x02-\x05]|\(?[ci][\w.]+\n[\w.]+\n[(.)\]}]|\([dlt]p\d|[\])}]q\x00")
_ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
)
_VOCABULARIES = ("tokenizer.json", "vocab.json", "added_tokens.json")
_RUNS_CODE = frozenset({"auto_map", "trust_remote_code", "custom_pipelines"})


@dataclass(slots=True)
class Survey:
    """What was found: bytes by path of what becomes the model, and what is left out."""

    files: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def weights(self) -> list[str]:
        """Files with tensors, sorted."""
        return sorted(one for one in self.files if Path(one).suffix.lower() in WEIGHTS)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


def survey(folder: Path) -> Survey:
    """Look through a folder; raises `ImportRefused` at the first file that must not be."""
    found = Survey()
    _look(folder, "", found)
    if not found.weights:
        raise ImportRefused(
            "format",
            f"{folder} holds no *.safetensors and no *.gguf file; other forms of weights are "
            "not imported.",
        )
    return found


def _look(folder: Path, below: str, found: Survey) -> None:
    with os.scandir(folder / below) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            path = f"{below}{entry.name}"
            about = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(about.st_mode):
                raise ImportRefused(
                    "link",
                    f"{path} is a link. A model is files only: copy the folder with `cp -rL`, "
                    "and import the copy.",
                    path,
                )
            if entry.name.startswith("."):
                found.left_out.append(path)
            elif stat.S_ISDIR(about.st_mode) and path.count("/") < DEPTH_MAX:
                _look(folder, f"{path}/", found)
            elif stat.S_ISDIR(about.st_mode):
                raise ImportRefused(
                    "too_large", f"{path} lies deeper than a model's files do.", path
                )
            elif stat.S_ISREG(about.st_mode):
                _file(folder, path, about.st_size, found)
            else:
                raise ImportRefused("link", f"{path} is no regular file; remove it.", path)
            if len(found.files) + len(found.left_out) > FILES_MAX:
                raise ImportRefused("too_large", f"{folder} holds too many files for a model.")


def _file(folder: Path, path: str, size: int, found: Survey) -> None:
    suffix = Path(path).suffix.lower()
    if suffix in PICKLES or suffix in CODE:
        what = "pickle" if suffix in PICKLES else "code"
        raise ImportRefused(
            what,
            f"{path} may hold a program. Models are imported from safetensors or GGUF only: "
            "remove the file, if the rest is whole without it.",
            path,
        )
    if not wanted(path) or path in (MANIFEST, SIGNATURE):
        found.left_out.append(path)
        return
    if suffix in WEIGHTS and not path.endswith(suffix):
        raise ImportRefused(
            "name", f"Engines look for {suffix} in small letters; rename {path}.", path
        )
    if not well_named(path) or len(path) > PATH_MAX:
        raise ImportRefused(
            "name",
            f"{path!r} is not a name that a model's file may have; rename it (letters, digits, "
            f"and -_.+@=,~; at most {PATH_MAX} with its folders).",
            path,
        )
    if size > (SIZE_MAX if suffix in WEIGHTS else TEXT_MAX):
        raise ImportRefused("too_large", f"{path} is too large for what it should be.", path)
    inspect(folder / path, path)
    found.files[path] = size


def wanted(path: str) -> bool:
    """Whether a file of this name belongs to a model."""
    name = Path(path)
    return name.suffix.lower() in WEIGHTS | TEXTS or name.name.lower().startswith(PAPERS)


def inspect(file: Path, path: str) -> None:
    """Raise `ImportRefused` where a file is not what its name says, or may run.

    `path` is what it is called. Of weights the whole header is read.
    """
    if path.lower().endswith(".safetensors"):
        safetensors.tensors(file, path)
        return
    if path.lower().endswith(".gguf"):
        gguf.header(file, path)
        return
    with file.open("rb") as opened:
        begins = opened.read(_BEGINNING)
    if _pickled(begins):
        raise ImportRefused(
            "pickle",
            f"{path} begins as a pickle or as an archive of pickles, which are programs. "
            "Convert the weights to safetensors.",
            path,
        )
    if path.lower().endswith(".json"):
        _data_only(json_of(file, path), path, deep=Path(path).name not in _VOCABULARIES)


def _pickled(begins: bytes) -> bool:
    """Pickles of protocol 2 and later name it first, older ones begin with what they load.

    Torch writes zip archives of them; a compressed file may hold anything.
    """
    return bool(_PICKLE.match(begins)) or begins.startswith(_ARCHIVES)


def json_of(file: Path, path: str) -> Any:
    """What a JSON file says; raises `ImportRefused`."""
    try:
        return msgspec.json.decode(file.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImportRefused(
            "format", f"{path} is no JSON ({error}). Get it from its publisher again.", path
        ) from error


def _data_only(said: Any, path: str, *, deep: bool) -> None:
    """Raise `ImportRefused` where a JSON file asks for code to be loaded."""
    waiting = [said]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if asked := sorted(key for key in _RUNS_CODE & one.keys() if one[key]):
                raise ImportRefused(
                    "code",
                    f"{path} asks for code of the model's own ({asked[0]}), which is never "
                    "run here. Remove that member if the engine knows the architecture.",
                    path,
                )
            waiting += one.values() if deep else ()
        elif isinstance(one, list):
            waiting += one if deep else ()
