"""Verifies evidence of a Domicile log. Needs Python 3.9 or newer and nothing else.

    python3 -I verify.py [EVIDENCE.zip | FOLDER] [--key LOG.VKEY] [--checkpoint FILE]

Without a path: the folder that this file lies in. `--key` is the log's verifier key as you
were given it by another way than this evidence; without it, the one in the evidence is used
and its fingerprint is printed for you to compare. `--checkpoint` is a checkpoint of the same
log that you kept: the log must have grown from it.

Ends with 0 if everything is sound, 1 if something is not, 2 if nothing could be checked.
Reads only; writes nothing; opens no connection.
"""

# A program that prints; it knows lengths by heart; Python 3.9's zip has no `strict`.
# ruff: noqa: T201, PLR2004, B905

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

FORMAT, VERSION = "domicile-evidence", 1
NAMES = {
    "applications.json", "checkpoint", "details.jsonl", "entries.jsonl", "hints",
    "log.vkey", "proof.json", "verify.py",
}  # fmt: skip
DISCLOSED = {
    "api_key.issued",
    "api_key.revoked",
    "application.changed",
    "application.registered",
}
TERMINAL = {"request.cancelled", "request.completed", "request.failed", "request.lost"}
MANIFEST_MAX = 1 << 20
SMALL_MAX = 1 << 26  # bytes of a file that is read at once
LINE_MAX = 1 << 21
SHOWN = 20  # problems printed one by one

LIMITS = """\
What this does not prove:
- that every event was recorded, or recorded under the right application: it proves that
  what was recorded has not been changed, reordered, cut or left out since;
- that the log shown to you is the only one, unless you hold a checkpoint from elsewhere;
- where a machine stands, or who used an API key;
- signatures and time stamps of other formats (PAdES, RFC 3161): they are not judged here."""


Point = tuple[int, int, int, int]  # extended homogeneous coordinates
LogKey = tuple[str, bytes, bytes]  # name, key id, public key


class Unreadable(Exception):
    """The evidence cannot be read at all."""


class Broken(Exception):
    """Something in the evidence is not what it should be."""


# --- Ed25519, RFC 8032, section 5.1 ---------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _add(a: Point, b: Point) -> Point:
    """The sum of two points in extended homogeneous coordinates (5.1.4)."""
    u, v = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    w, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = v - u, z - w, z + w, v + u
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _decode_point(data: bytes) -> Point | None:
    """The point that 32 bytes stand for (5.1.3), or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * SQRT_MINUS_ONE % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _encode_point(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = _decode_point(BASE_Y.to_bytes(32, "little")) or (0, 1, 1, 0)


def ed25519_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's over the message (5.1.7)."""
    key = _decode_point(public_key) if len(public_key) == 32 else None
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or len(signature) != 64 or scalar >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    return (
        _encode_point(_add(_times(scalar, BASE), _times(challenge, minus_key)))
        == signature[:32]
    )


# --- The tree, RFC 6962, section 2.1 --------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Edge:
    """Roots of the perfect subtrees that cover the leaves so far, from left to right."""

    def __init__(self) -> None:
        self.size = 0
        self.roots: list[bytes] = []

    def append(self, value: bytes, height: int = 0) -> None:
        rest = self.size >> height
        while rest & 1:
            value = node_hash(self.roots.pop(), value)
            rest >>= 1
        self.roots.append(value)
        self.size += 1 << height

    def root(self) -> bytes:
        if not self.roots:
            return hashlib.sha256(b"").digest()
        value = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            value = node_hash(left, value)
        return value


def cover(start: int, end: int) -> Iterator[int]:
    """Heights of the fewest perfect subtrees that cover leaves [start, end)."""
    while start < end:
        height = (end - start).bit_length() - 1
        if start:
            height = min(height, (start & -start).bit_length() - 1)
        yield height
        start += 1 << height


# --- Checkpoints, C2SP signed-note and tlog-checkpoint --------------------------------------


def decode64(text: str) -> bytes:
    """Base64 in its one canonical form."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Broken("a value is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Broken("a value is not canonical base64")
    return data


def parse_vkey(data: bytes) -> LogKey:
    """Name, key id and public key of a verifier key."""
    found = re.fullmatch(rb"([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n?", data)
    if not found:
        raise Broken("the verifier key is malformed")
    name, identifier = found[1].decode("utf-8"), bytes.fromhex(found[2].decode())
    key = decode64(found[3].decode())
    if len(key) != 33 or key[0] != 1:
        raise Broken("the verifier key is not an Ed25519 key")
    if hashlib.sha256(name.encode() + b"\n" + key).digest()[:4] != identifier:
        raise Broken("the verifier key's id is not its own")
    return name, identifier, key[1:]


def parse_checkpoint(note: bytes, vkey: LogKey) -> tuple[int, bytes]:
    """Size and root of a checkpoint that the key signed."""
    name, identifier, key = vkey
    text, separator, lines = note.decode("utf-8").rpartition("\n\n")
    text += "\n"
    body = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/=]+)\n", text, re.ASCII)
    if not separator or not body or not lines.endswith("\n"):
        raise Broken("the checkpoint is malformed")
    if body[1] != name:
        raise Broken("the checkpoint is of another log than the key")
    ours = []
    for line in lines[:-1].split("\n"):
        found = re.fullmatch(r"— (\S+) ([A-Za-z0-9+/=]+)", line)
        if not found:
            raise Broken("a signature line of the checkpoint is malformed")
        signature = decode64(found[2])
        if found[1] == name and signature[:4] == identifier:
            ours.append(signature[4:])
    if len(ours) != 1 or not ed25519_verify(key, text.encode(), ours[0]):
        raise Broken("the checkpoint is not signed by the log's key")
    root = decode64(body[3])
    if len(root) != 32:
        raise Broken("the checkpoint's root is not a hash")
    return int(body[2]), root


# --- Where the evidence lies ----------------------------------------------------------------


class Folder:
    """Evidence that was unzipped."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.names = {found.name for found in self.path.iterdir()} - {"__pycache__"}

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


class Archive:
    """Evidence as a ZIP. Nothing is unpacked to disk."""

    def __init__(self, path: str) -> None:
        try:
            self.zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise Unreadable(f"the ZIP cannot be read ({type(error).__name__})") from None
        members = self.zip.infolist()
        names = [member.filename for member in members]
        if len(names) != len(set(names)):
            raise Broken("the ZIP holds two files of one name")
        if any(
            member.compress_type not in (0, 8) or member.flag_bits & 1 for member in members
        ):
            raise Broken("the ZIP is encrypted, or packed in a way that we do not write")
        self.names = set(names)

    def open(self, name: str) -> IO[bytes]:
        return self.zip.open(name)


class Reader:
    """Reads one listed file, never more of it than the manifest allows, and hashes it."""

    def __init__(self, files: Folder | Archive, name: str, listed: dict[str, Any]) -> None:
        self.name, self.limit, self.expected = name, listed["bytes"], listed["sha256"]
        self.file, self.length, self.digest = files.open(name), 0, hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self.file.read(min(size, self.limit - self.length + 1))
        self.length += len(data)
        if self.length > self.limit:
            raise Broken(f"{self.name} is longer than its manifest says")
        self.digest.update(data)
        return data

    def whole(self) -> bytes:
        if self.limit > SMALL_MAX:
            raise Broken(f"{self.name} is too large")
        parts = []
        while True:
            data = self.read(1 << 20)
            if not data:
                break
            parts.append(data)
        return b"".join(parts)

    def lines(self) -> Iterator[bytes]:
        rest = b""
        while True:
            data = self.read(1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
            if len(rest) > LINE_MAX:
                raise Broken(f"a line of {self.name} is too long")
        if rest:
            yield rest
            raise Broken(f"{self.name} does not end with a line")

    def close(self) -> None:
        """Read what is left; say whether it was the listed file."""
        while self.read(1 << 16):
            pass
        self.file.close()
        if self.length != self.limit or self.digest.hexdigest() != self.expected:
            raise Broken(f"{self.name} is not the file that the manifest lists")


# --- What is checked ------------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """RFC 8785, for values with ASCII keys and no fractions."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    ).encode("utf-8")


def load(data: bytes, what: str) -> Any:
    """JSON that is written in its one canonical form."""
    try:
        value = json.loads(data)
        if canonical(value) == data:
            return value
    except (ValueError, RecursionError):
        pass
    raise Broken(f"{what} is not canonical JSON")


def hexadecimal(text: str) -> bytes:
    """32 bytes in their one form."""
    if not re.fullmatch(r"[0-9a-f]{64}", text, re.ASCII):
        raise Broken("a hash or key is malformed")
    return bytes.fromhex(text)


class Verifier:
    """One pass over the evidence; `problems` is what is wrong."""

    def __init__(self, files: Folder | Archive) -> None:
        self.files = files
        self.problems: list[str] = []
        self.more = 0
        self.words: list[str] = []
        self.next: dict[tuple[str, int], int] = {}
        self.open: set[str] = set()
        self.over: set[str] = set()  # requests whose end is in the range
        self.early: set[str] = set()  # those of them whose admission was not seen before it
        self.admitted = self.details = self.entries = 0

    def problem(self, text: str) -> None:
        if len(self.problems) < SHOWN:
            self.problems.append(text)
        else:
            self.more += 1

    @contextlib.contextmanager
    def part(self, what: str = "a file") -> Iterator[None]:
        """Go on after a part that is broken: the others may say more."""
        try:
            yield
        except Broken as error:
            self.problem(str(error))
        except (
            KeyError,
            TypeError,
            AttributeError,
            IndexError,
            UnicodeError,
            ValueError,
        ) as error:
            self.problem(f"{what} is malformed ({type(error).__name__})")
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            self.problem(f"{what} cannot be read ({type(error).__name__})")
        except zlib.error as error:
            self.problem(f"{what} cannot be unpacked ({type(error).__name__})")

    def run(self, given_key: bytes | None, kept: bytes | None) -> bool:
        with self.part():
            self.manifest(given_key)
            with self.part():
                self.range(kept)
            with self.part():
                self.small("verify.py")
        return not self.problems

    def small(self, name: str) -> bytes:
        reader = Reader(self.files, name, self.listed[name])
        data = reader.whole()
        reader.close()
        return data

    def manifest(self, given_key: bytes | None) -> None:
        missing = (NAMES | {"manifest.json", "manifest.sig"}) - self.files.names
        extra = self.files.names - NAMES - {"manifest.json", "manifest.sig"}
        if missing or extra:
            raise Broken(f"files are missing or do not belong: {sorted(missing | extra)[:5]}")
        with self.files.open("manifest.json") as file:
            data = file.read(MANIFEST_MAX)
        with self.files.open("manifest.sig") as file:
            signature = file.read(200)
        with self.files.open("log.vkey") as file:
            enclosed = file.read(1000)
        self.vkey = parse_vkey(given_key if given_key is not None else enclosed)
        if not enclosed.endswith(b"\n") or parse_vkey(enclosed) != self.vkey:
            raise Broken("the evidence is signed by another key than the one that you gave")
        name, _, key = self.vkey
        self.words.append(f"Log: {name}")
        self.words.append(f"Fingerprint of its key: {hashlib.sha256(key).hexdigest()}")
        if given_key is None:
            self.words.append("  Compare it with one that you were given by another way.")
        if signature[-1:] != b"\n" or not ed25519_verify(
            key, data, decode64(signature[:-1].decode("ascii"))
        ):
            raise Broken("the manifest is not signed by the log's key")
        manifest = load(data, "the manifest")
        if (manifest["format"], manifest["v"]) != (FORMAT, VERSION):
            raise Broken("this is another format; get the verifier that came with it")
        if manifest["origin"] != name or set(manifest["files"]) != NAMES:
            raise Broken("the manifest is of another log, or lists other files")
        if not set(manifest["disclosed"]) >= DISCLOSED:
            raise Broken("the manifest leaves out events that must always be shown")
        self.listed, self.scope = manifest["files"], manifest["scope"]
        self.begin, self.end, self.size = manifest["begin"], manifest["end"], manifest["size"]
        self.disclosed = set(manifest["disclosed"])

    def range(self, kept: bytes | None) -> None:
        size, self.root = parse_checkpoint(self.small("checkpoint"), self.vkey)
        if size != self.size or not 0 <= self.begin < self.end <= size:
            raise Broken("the checkpoint does not cover the range")
        self.small("log.vkey")
        self.keys = {
            one["id"]: (one["name"], hexadecimal(one["label_key"]))
            for one in load(self.small("applications.json"), "applications.json")[
                "applications"
            ]
        }
        proof = load(self.small("proof.json"), "proof.json")
        before = [hexadecimal(value) for value in proof["before"]]
        after = [hexadecimal(value) for value in proof["after"]]
        hints = self.small("hints")
        self.kept = parse_checkpoint(kept, self.vkey) if kept is not None else None
        edge = Edge()
        for height, value in self.pairs(cover(0, self.begin), before):
            edge.append(value, height)
        self.seen_kept = False
        self.compare_kept(edge)
        details = Details(Reader(self.files, "details.jsonl", self.listed["details.jsonl"]))
        entries = Reader(self.files, "entries.jsonl", self.listed["entries.jsonl"])
        suspects = []
        with self.part():
            for line in entries.lines():
                index = self.begin + self.entries
                self.entries += 1
                leaf = leaf_hash(line)
                if self.entries > len(hints) or leaf[0] != hints[self.entries - 1]:
                    suspects.append(index)
                edge.append(leaf)
                with self.part(f"entry {index}"):
                    self.entry(index, line, details)
                self.compare_kept(edge)
        with self.part():
            entries.close()
        with self.part():
            details.end()
        self.conclude(edge, after, suspects)

    def pairs(self, heights: Iterable[int], values: list[bytes]) -> Iterator[tuple[int, bytes]]:
        heights = list(heights)
        if len(heights) != len(values):
            raise Broken("the proof has the wrong length")
        return zip(heights, values)

    def compare_kept(self, edge: Edge) -> None:
        if self.kept and edge.size == self.kept[0]:
            self.seen_kept = True
            if edge.root() != self.kept[1]:
                raise Broken("the log did not grow from the checkpoint that you kept")

    def conclude(self, edge: Edge, after: list[bytes], suspects: list[int]) -> None:
        if self.entries != self.end - self.begin:
            self.problem(
                f"there are {self.entries} entries; the range has {self.end - self.begin}"
            )
        else:
            for height, value in self.pairs(cover(self.end, self.size), after):
                edge.append(value, height)
            self.compare_kept(edge)
        if edge.size != self.size or edge.root() != self.root:
            self.problem("the entries are not the ones that the checkpoint was signed over")
            if suspects:
                self.problem(f"the first entry that was changed is entry {suspects[0]}")
        if self.kept and not self.seen_kept:
            self.words.append(
                f"The checkpoint that you kept ({self.kept[0]} entries) is outside of this "
                "range; it was not compared."
            )

    def entry(self, index: int, line: bytes, details: Details) -> None:
        where = f"entry {index}"
        entry = load(line, where)
        writer, seq = (entry["source"], entry["epoch"]), entry["seq"]
        expected = self.next.get(writer, seq)
        self.next[writer] = seq + 1
        if seq != expected:
            raise Broken(
                "{}: events of {}/{} are missing or out of order".format(where, *writer)
            )
        kind = entry["type"]
        if kind == "request.admitted" or kind in TERMINAL:
            self.request(kind, entry["request"], where)
        owner = self.owner(entry)
        shown = details.take(index)
        if shown is None:
            if self.scope == "all" or owner or kind in DISCLOSED:
                raise Broken(f"{where}: its detail was left out")
            return
        self.details += 1
        raw, key, about = shown
        if hmac.new(key, raw, "sha256").hexdigest() != entry["detail"]:
            raise Broken(f"{where}: its detail was changed")
        said = about.get("application")
        if owner and isinstance(said, dict) and said.get("id", owner) != owner:
            raise Broken(f"{where} is labelled as another application's than its detail says")
        if self.scope != "all" and not owner and kind not in self.disclosed:
            raise Broken(f"{where}: its detail is outside of the evidence's scope")
        if kind == "application.registered":
            self.registration(about, where)

    def registration(self, about: dict[str, Any], where: str) -> None:
        """Hold the label key in applications.json against the one that was registered."""
        registered = hexadecimal(about["label_key_sha256"])
        for name, key in self.keys.values():
            if name == about["name"] and hashlib.sha256(key).digest() != registered:
                raise Broken(
                    f"{where}: the label key of {name} in applications.json is not the one "
                    "that was registered"
                )

    def request(self, kind: str, request: str, where: str) -> None:
        """Admitted once, ended once; an end that another source recorded may come first."""
        if kind == "request.admitted":
            self.admitted += 1
            if request in self.early:
                self.early.remove(request)
            elif request in self.open or request in self.over:
                self.problem(f"{where}: request {request} was admitted twice")
            else:
                self.open.add(request)
        elif request in self.over:
            self.problem(f"{where}: request {request} ended twice")
        else:
            self.over.add(request)
            if request in self.open:
                self.open.remove(request)
            else:
                self.early.add(request)

    def owner(self, entry: dict[str, Any]) -> str | None:
        """The application in scope that the entry is labelled as."""
        if "application" not in entry:
            return None
        for identifier, (_, key) in sorted(self.keys.items()):
            label = hmac.new(key, entry["request"].encode("ascii"), "sha256").hexdigest()
            if label == entry["application"]:
                return str(identifier)
        return None

    def verdict(self) -> Iterator[str]:
        for problem in self.problems:
            yield f"NOT SOUND: {problem}."
        if self.more:
            yield f"NOT SOUND: and {self.more} more."
        yield from self.words
        if self.problems:
            yield "This evidence was changed, cut or made wrongly. Do not rely on it."
            return
        yield (
            f"SOUND: entries {self.begin} to {self.end - 1} of the {self.size} that the "
            "checkpoint covers, none left out."
        )
        if self.scope == "all":
            yield f"All {self.details} details are here."
        else:
            names = ", ".join(sorted(name for name, _ in self.keys.values()))
            yield f"{self.details} details: all of {names}, and all registrations."
        yield (
            f"{self.admitted} requests were admitted; {len(self.open)} of them did not end "
            "within this range."
        )
        yield LIMITS


class Details:
    """The lines of details.jsonl, taken in step with the entries."""

    LINE = re.compile(rb'\{"detail":(.*),"index":(0|[1-9][0-9]{0,17}),"key":"([0-9a-f]{64})"\}')

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.lines = reader.lines()
        self.last = -1
        self.ahead = self.following()

    def following(self) -> tuple[int, bytes, bytes, Any] | None:
        line = next(self.lines, None)
        if line is None:
            return None
        found = self.LINE.fullmatch(line)
        if not found or int(found[2]) <= self.last:
            raise Broken(f"details.jsonl is malformed after entry {self.last}")
        about = load(line, f"the detail of entry {int(found[2])}")["detail"]
        self.last = int(found[2])
        return self.last, found[1], bytes.fromhex(found[3].decode()), about

    def take(self, index: int) -> tuple[bytes, bytes, Any] | None:
        """Bytes, key and value of the entry's detail, or None if it is not shown."""
        if self.ahead is None or self.ahead[0] != index:
            return None
        shown = self.ahead[1:]
        self.ahead = None
        self.ahead = self.following()
        return shown

    def end(self) -> None:
        if self.ahead is not None:
            raise Broken("details.jsonl has details of entries that are not here")
        self.reader.close()


def main(arguments: list[str]) -> int:
    """The program; its exit code."""
    path, options = None, {}
    while arguments:
        word = arguments.pop(0)
        if word in ("--key", "--checkpoint") and arguments:
            options[word] = arguments.pop(0)
        elif word.startswith("-") or path is not None:
            sys.stderr.write(__doc__)
            return 2
        else:
            path = word
    try:
        given = {}
        for option, file in options.items():
            with Path(file).open("rb") as source:
                given[option] = source.read(SMALL_MAX)
        path = path or str(Path(__file__).resolve().parent)
        files = Folder(path) if Path(path).is_dir() else Archive(path)
    except Broken as error:
        print(f"NOT SOUND: {error}.")
        return 1
    except (Unreadable, OSError) as error:
        print(f"COULD NOT BE CHECKED: {error}.")
        return 2
    verifier = Verifier(files)
    sound = verifier.run(given.get("--key"), given.get("--checkpoint"))
    for line in verifier.verdict():
        print(line)
    return 0 if sound else 1


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main(sys.argv[1:]))
