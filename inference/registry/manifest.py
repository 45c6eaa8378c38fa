"""What an imported model is: every file by its digest, under the gateway's signature.

A model is a folder with its files, `manifest.json` (RFC 8785) and `manifest.sig` (Ed25519 by
the gateway's key over `domicile/model/1`, a zero byte and the manifest's bytes; 128 hex
digits). The SHA-256 of the manifest is the model's digest, in the database and in receipts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from inference.registry import options
from inference.registry.entry import Option
from inference.registry.names import parts
from inference.registry.weights import ModelUnusable, opened

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT: Literal["domicile/model/1"] = "domicile/model/1"
MANIFEST_MAX = 4 * 1024 * 1024  # bytes
FILES_MAX = 4096
_CONTEXT = b"domicile/model/1\x00"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@=,~ -]{0,199}")
_DEPTH = 4
_FORMS = {"gguf": (".gguf", "llamacpp"), "safetensors": (".safetensors", "vllm")}

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Words = Annotated[str, msgspec.Meta(max_length=256)]
Licence = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}\Z")]
Method = Literal["none", "quantised", "fine-tuned", "merged", "adapter"]


class ManifestRefused(ModelUnusable):
    """A manifest is not there, or must not be believed. The message says why."""

    reason = "manifest"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a model; `path` is inside its folder, with slashes; `size` in bytes."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    size: Amount
    sha256: Digest


class LicenceOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An SPDX identifier or `LicenseRef-…`, and the SHA-256 of the text, which is a file."""

    id: Licence
    digest: Digest


class Lineage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the model was made from. `base_digest` is the base's, where that is known here."""

    base: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    base_digest: Digest | None = None
    method: Method = "none"
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model. `context_length` is in tokens; `architecture` is as its own files say."""

    format: Literal["domicile/model/1"] = FORMAT
    name: Annotated[str, msgspec.Meta(max_length=128)]
    kind: Literal["model", "adapter"]
    task: Literal["chat", "embeddings"]
    weights: Literal["safetensors", "gguf"]
    engine: Literal["vllm", "llamacpp"]
    architecture: Words = ""
    context_length: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    licence: LicenceOf
    origin: Words
    files: list[File]
    lineage: Lineage
    options: dict[str, Option] = {}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


_decode = msgspec.json.Decoder(Manifest).decode


def encoded(manifest: Manifest) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(manifest), option=orjson.OPT_SORT_KEYS)


def identity(content: bytes) -> str:
    """The digest of a model, from its manifest's bytes."""
    return hashlib.sha256(content).hexdigest()


def sign(content: bytes, gateway_key: Ed25519PrivateKey) -> str:
    """What `manifest.sig` holds for a manifest's bytes."""
    return gateway_key.sign(_CONTEXT + content).hex()


def verify(content: bytes, signature: str, gateway_keys: Sequence[bytes]) -> bytes:
    """The public key, of those, that signed the manifest's bytes; raises `ManifestRefused`."""
    try:
        raw = bytes.fromhex(signature)
    except ValueError:
        raw = b""
    for key in gateway_keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(raw, _CONTEXT + content)
        except InvalidSignature:
            continue
        return key
    raise ManifestRefused(
        f"{SIGNATURE} is not the signature of a trusted gateway. Import the model on the "
        "gateway, and bring it here with `models bundle` and `models place`.",
        SIGNATURE,
    )


def decoded(content: bytes) -> Manifest:
    """The manifest in `content`, whoever signed it; raises `ManifestRefused`."""
    if len(content) > MANIFEST_MAX:
        raise ManifestRefused(f"{MANIFEST} is too long.", MANIFEST)
    try:
        found = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestRefused(f"{MANIFEST} cannot be read: {error}", MANIFEST) from error
    if encoded(found) != content:
        raise ManifestRefused(f"{MANIFEST} is not in its canonical form.", MANIFEST)
    _sound(found)
    return found


def _sound(manifest: Manifest) -> None:
    """What the types cannot say."""
    paths = [file.path for file in manifest.files]
    if not paths or len(paths) > FILES_MAX or paths != sorted(set(paths)):
        raise ManifestRefused(f"The files in {MANIFEST} are not in order.", MANIFEST)
    for path in paths:
        if not well_named(path):
            raise ManifestRefused(
                f"{MANIFEST} lists {path!r}, which no file may be called.", path
            )
    try:
        _base, adapter = parts(manifest.name)
        options.check(manifest.options)
    except (ValueError, options.OptionRefused) as error:
        raise ManifestRefused(str(error), MANIFEST) from error
    if bool(adapter) != (manifest.kind == "adapter"):
        raise ManifestRefused(
            f"{MANIFEST} calls {manifest.name} a {manifest.kind}; an adapter, and nothing "
            "else, is named as in base:adapter.",
            MANIFEST,
        )
    suffix, engine = _FORMS[manifest.weights]
    if manifest.engine != engine or not any(path.endswith(suffix) for path in paths):
        raise ManifestRefused(
            f"{MANIFEST} says that {manifest.engine} serves {manifest.name} from its "
            f"{suffix} files, and lists none, or it is another engine that serves such.",
            MANIFEST,
        )
    if manifest.licence.digest not in {file.sha256 for file in manifest.files}:
        raise ManifestRefused(f"The licence's text is not among the files of {MANIFEST}.")


def well_named(path: str) -> bool:
    """Whether a file inside a model may be called this: no way out, nothing hidden."""
    names = path.split("/")
    return (
        path not in (MANIFEST, SIGNATURE)
        and len(names) <= _DEPTH
        and all(_PART.fullmatch(name) for name in names)
    )


def read(folder: Path, gateway_keys: Sequence[bytes]) -> tuple[Manifest, str]:
    """The manifest in a model's folder and its digest; raises `ManifestRefused`."""
    content = _content(folder, MANIFEST, MANIFEST_MAX)
    signature = _content(folder, SIGNATURE, 1024).decode("ascii", "replace")
    verify(content, signature, gateway_keys)
    return decoded(content), identity(content)


def _content(folder: Path, name: str, limit: int) -> bytes:
    try:
        with opened(folder / name) as file:
            return file.read(limit + 1)
    except OSError as error:
        raise ManifestRefused(
            f"{folder / name} cannot be read: {error.strerror}. Import the model again, or "
            "bring it here with `models place`.",
            name,
        ) from error
