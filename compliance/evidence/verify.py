"""Verifies evidence of a Domicile log. Needs Python 3.9 or newer and nothing else.

    python3 -I verify.py [EVIDENCE.zip | FOLDER] [--key LOG.VKEY] [--checkpoint FILE]
        [--policy FILE] [--jobs N]

Without a path: the folder that this file lies in. `--key` is the log's verifier key as you
were given it by another way than this evidence; without it, the one in the evidence is used
and its fingerprint is printed for you to compare. A second line of that file may be the
verifier key for ML-DSA-44, which must then have signed, too. `--checkpoint` is a checkpoint
of the same log that you kept: the log must have grown from it. `--policy` names witnesses that
must have cosigned it (C2SP tlog-policy), beside those that the policy in the evidence names.
`--jobs` is how many processes judge large evidence; without it, one for each processor. The
verdict does not depend on it.

Ends with 0 if everything is sound, 1 if something is not, 2 if nothing could be checked.
Reads only; writes nothing; opens no connection.
"""

# A program that prints, in one file; it knows lengths by heart; Python 3.9's zip has no
# `strict`.
# ruff: noqa: T201, PLR2004, B905

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import operator
import os
import re
import sys
import time
import zipfile
import zlib
from array import array
from binascii import hexlify, unhexlify
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from hashlib import sha256
from itertools import chain, compress, islice
from pathlib import Path
from typing import IO, Any

IPAD, OPAD = (bytes(n ^ pad for n in range(256)) for pad in (0x36, 0x5C))
HALF = bytes(n >> 1 for n in range(256))
ZEROS = bytes(48 if 48 <= n <= 57 else n for n in range(256))  # every digit becomes 0
INNER, OUTER = b"\x36" * 32, b"\x5c" * 32  # what fills up a key of 32 bytes
FORMAT, VERSION = "domicile-evidence", 3
JUDGED = {
    "applications.json", "checkpoint", "contents.jsonl", "details.jsonl", "entries.jsonl",
    "hints", "log.vkey", "mldsa.vkey", "proof.json", "prunings.jsonl", "rotations.jsonl",
    "witness-policy",
}  # fmt: skip
SCHEMAS = {
    f"schemas/{name}.json"
    for name in (
        "applications",
        "contents",
        "details",
        "entries",
        "manifest",
        "proof",
        "prunings",
        "rotations",
    )
}
VIEWS = {"certificate.pem", "report.pdf", "tables/events.csv", "tables/events.xlsx"}
OPTIONAL = VIEWS | {"contents.jsonl", "mldsa.vkey", "rotations.jsonl", "witness-policy"}
NAMES = (JUDGED | SCHEMAS | {"verify.html", "verify.py"}) - OPTIONAL
STAMP = re.compile(r"timestamps/([1-9][0-9]{0,18})\.(?:checkpoint|tsr)")
DISCLOSED = {
    "api_key.issued",
    "api_key.revoked",
    "application.changed",
    "application.registered",
    "content.erased",
    "content.expired",
    "log.key_added",
    "log.key_rotated",
    "log.resumed",
    "record.pruned",
}
KEPT = (  # no rule removes their details; a name that ends in a dot is a beginning
    "api_key.",
    "application.",
    "approval_key.",
    "content.erased",
    "content.expired",
    "engine.started",
    "evidence.exported",
    "key.rotated",
    "log.key_added",
    "log.key_rotated",
    "log.resumed",
    "model.registered",
    "policy.",
    "record.pruned",
    "site.registered",
    "witness.",
    "witnessed_log.",
    "writer.",
)
ADMITTED = b"request.admitted"
ENDS = {b"request.cancelled", b"request.completed", b"request.failed", b"request.lost"}
ROTATED = "log.key_rotated"
ADDED = "log.key_added"
KEY_NAMES = {1: "Ed25519", 6: "ML-DSA-44"}  # by the type of a signature
HANDOVER = b"domicile/log-key/1\x00"  # before the two verifier keys that an old key signs
MANIFEST_MAX = 1 << 20
SMALL_MAX = 1 << 26  # bytes of a file that is read at once
LINE_MAX = 1 << 26
DEPTH_MAX = 33  # a detail is nested 32 deep at most, and stands in a line
SHAPES_MAX = 10_000
OFTEN = 100  # pieces of one shape that are remembered, and details of one
ALIKE_MAX = 2_500  # details, of so many bytes at most, that are remembered but for their digits
ALIKE_BYTES = 4_096
BLOCK = 4_096  # entries judged at a time; a power of two
JOBS_MAX = 16
LARGE = 1 << 22  # bytes of entries from which on more than one process is worth it
YEAR_10000 = 253_402_300_800  # in seconds since 1970
SHOWN = 20  # problems printed one by one
AFTER = 1 << 62  # the place of problems that are of no entry
HEX = b"0123456789abcdef"
TAIL = len(',"key":""}') + 64

ENTRY = re.compile(
    rb'^\{(?:"application":"([0-9a-f]{64})",)?(?:"content":"([0-9a-f]{64})",)?'
    rb'"detail":"([0-9a-f]{64})","epoch":([1-9][0-9]{0,9}),'
    rb'(?:"request":"([0-9a-f]{32})",)?"seq":(0|[1-9][0-9]{0,14}),'
    rb'"source":"([a-z0-9][a-z0-9._-]{0,63})",'
    rb'"time":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)",'
    rb'"type":"((?=[a-z0-9_.]{1,48}")[a-z0-9_]+(?:\.[a-z0-9_]+)*)","v":1\}$',
    re.MULTILINE,
)
MEMBERS = re.compile(  # as ENTRY; what is in the members is looked at for many entries at once
    rb'^\{(?:"application":"((?s:.{64}))",)?(?:"content":"((?s:.{64}))",)?'
    rb'"detail":"((?s:.{64}))","epoch":([1-9][0-9]{0,9}),'
    rb'(?:"request":"((?s:.{32}))",)?"seq":(0|[1-9][0-9]{0,14}),'
    rb'"source":"([^"\n]{1,64})","time":"((?s:.{20}))","type":"([^"\n]{1,48})","v":1\}$',
    re.MULTILINE,
)
SOURCE = re.compile(rb"[a-z0-9][a-z0-9._-]{0,63}")
TIME = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
TYPE = re.compile(rb"[a-z0-9_]+(?:\.[a-z0-9_]+)*")
CONTENT = re.compile(rb'\{"content":(.*),"index":(0|[1-9][0-9]{0,17}),"key":"([0-9a-f]{64})"\}')
DETAIL = re.compile(
    rb'^\{"detail":(.*),"index":(0|[1-9][0-9]{0,17}),"key":"(.{64})"\}\n', re.MULTILINE
)
DETAIL_FRAME = len('{"detail":,"index":,"key":""}\n')
INDEX = b',"index":'

LIMITS = """\
What this does not prove:
- that every event was recorded, or recorded under the right application: it proves that
  what was recorded has not been changed, reordered, cut or left out since;
- that the log shown to you is the only one, unless you hold a checkpoint from elsewhere;
- where a machine stands, or who used an API key;
- that kept contents are complete: they expire and are erased, as the law demands;
- signatures and time stamps of other formats (PAdES, RFC 3161): they are not judged here."""


Point = tuple[int, int, int, int]  # extended homogeneous coordinates
LogKey = tuple[str, bytes, bytes]  # name, key id, public key
Problem = tuple[int, str]  # the entry, and what is wrong with it
Writer = tuple[bytes, bytes]  # source, epoch
Excuse = tuple[int, bool]  # place in Terms.prunings; whether the entry has a label
Columns = list[tuple[bytes, ...]]  # the groups of ENTRY, each for many entries


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


# --- ML-DSA-44, FIPS 204 --------------------------------------------------------------------

Q = 8380417
GAMMA1, GAMMA2 = 1 << 17, (Q - 1) // 88
TAU, BETA, OMEGA = 39, 78, 80
MLDSA_KEY, MLDSA_SIGNATURE = 1312, 2420  # bytes
ZETAS = [pow(1753, int(f"{m:08b}"[::-1], 2), Q) for m in range(256)]
Poly = list[int]  # 256 coefficients, modulo Q


def _ntt(w: Poly) -> Poly:
    """The number-theoretic transform (algorithm 41)."""
    w, m, length = w[:], 0, 128
    while length:
        for start in range(0, 256, 2 * length):
            m += 1
            for j in range(start, start + length):
                t = ZETAS[m] * w[j + length] % Q
                w[j + length], w[j] = w[j] - t, w[j] + t
        length //= 2
    return w


def _inverse_ntt(w: Poly) -> Poly:
    """Its inverse (algorithm 42)."""
    w, m, length = w[:], 256, 1
    while length < 256:
        for start in range(0, 256, 2 * length):
            m -= 1
            for j in range(start, start + length):
                t = w[j]
                w[j], w[j + length] = t + w[j + length], ZETAS[m] * (w[j + length] - t) % Q
        length *= 2
    return [one * 8347681 % Q for one in w]


def _unpack(data: bytes, width: int) -> Poly:
    """256 numbers of so many bits (algorithm 18)."""
    bits, mask = int.from_bytes(data, "little"), (1 << width) - 1
    return [bits >> place & mask for place in range(0, 256 * width, width)]


def _uniform(seed: bytes) -> Poly:
    """A polynomial drawn from a seed (algorithms 14 and 30); 44 of 300 draws may fail."""
    data = hashlib.shake_128(seed).digest(900)
    draws = (int.from_bytes(data[at : at + 3], "little") & 0x7FFFFF for at in range(0, 900, 3))
    return [one for one in draws if one < Q][:256]


def _challenge(seed: bytes) -> Poly:
    """A polynomial of TAU times 1 or -1 (algorithm 29)."""
    data = hashlib.shake_256(seed).digest(1032)
    signs, draws = int.from_bytes(data[:8], "little"), iter(data[8:])
    c = [0] * 256
    for i in range(256 - TAU, 256):
        j = next(one for one in draws if one <= i)
        c[i], c[j] = c[j], 1 - 2 * (signs & 1)
        signs >>= 1
    return c


def _hints(data: bytes) -> list[set[int]] | None:
    """Where polynomials are corrected; None unless in the one form (algorithm 21)."""
    found, last = [], 0
    for end in data[OMEGA:]:
        places = data[last:end]
        if not last <= end <= OMEGA or any(a >= b for a, b in zip(places, places[1:])):  # noqa: RUF007
            return None
        found.append(set(places))
        last = end
    return None if any(data[last:OMEGA]) else found


def _use_hint(r: int, *, hint: bool) -> int:
    """The high bits of r, corrected (algorithms 36 and 40)."""
    low = r % (2 * GAMMA2)
    low -= 2 * GAMMA2 * (low > GAMMA2)
    if r - low == Q - 1:
        high, low = 0, low - 1
    else:
        high = (r - low) // (2 * GAMMA2)
    return (high + (1 if low > 0 else -1)) % 44 if hint else high


def _responses(data: bytes) -> list[Poly] | None:
    """The polynomials z, of 18 bits a coefficient; None where one is too large."""
    packs = (data[at : at + 576] for at in range(0, 2304, 576))
    z = [[GAMMA1 - n for n in _unpack(pack, 18)] for pack in packs]
    return None if any(abs(n) >= GAMMA1 - BETA for one in z for n in one) else z


def mldsa44_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's over the message (algorithms 3 and 8); no context."""
    if len(public_key) != MLDSA_KEY or len(signature) != MLDSA_SIGNATURE:
        return False
    rho, seed, hints = public_key[:32], signature[:32], _hints(signature[2336:])
    z = _responses(signature[32:2336])
    if hints is None or z is None:
        return False
    short, c = [_ntt(one) for one in z], _ntt(_challenge(seed))
    packed = b""
    for r in range(4):
        t = _unpack(public_key[32 + 320 * r : 352 + 320 * r], 10)
        total = [-a * b for a, b in zip(c, _ntt([n << 13 for n in t]))]
        for s in range(4):
            row = _uniform(rho + bytes((s, r)))
            total = [n + a * b for n, a, b in zip(total, row, short[s])]
        high = [
            _use_hint(n, hint=at in hints[r])
            for at, n in enumerate(_inverse_ntt([n % Q for n in total]))
        ]
        packed += sum(n << 6 * at for at, n in enumerate(high)).to_bytes(192, "little")
    digest = hashlib.shake_256(public_key).digest(64)
    digest = hashlib.shake_256(digest + b"\x00\x00" + message).digest(64)
    return hashlib.shake_256(digest + packed).digest(32) == seed


# --- The tree, RFC 6962, section 2.1 --------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC (RFC 2104) with a key of 32 bytes; faster than the standard library's."""
    inner = sha256(key.translate(IPAD) + INNER + data).digest()
    return sha256(key.translate(OPAD) + OUTER + inner).digest()


class Label:
    """The labels of an application, whose key is prepared once."""

    def __init__(self, identifier: str, key: bytes) -> None:
        self.identifier = identifier
        key += bytes(32)
        self.inner, self.outer = sha256(key.translate(IPAD)), sha256(key.translate(OPAD))

    def of(self, request: bytes) -> bytes:
        """The label of its entry about the request, in hexadecimal."""
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(request)
        outer.update(inner.digest())
        return hexlify(outer.digest())


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


def perfect(hashes: list[bytes]) -> bytes:
    """The root of a perfect subtree over these hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2])
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def unpacked(hints: bytes) -> bytes:
    """Numbers of seven bits, which lie end to end, in a byte each."""
    found = []
    for at in range(0, len(hints), 7_168):
        piece = hints[at : at + 7_168].ljust(-(-len(hints[at : at + 7_168]) // 7) * 7, b"\0")
        digits = f"{int.from_bytes(piece, 'big'):0{8 * len(piece)}b}".encode()
        wide = bytearray(b"0" * (len(digits) // 7 * 8))
        for place in range(7):
            wide[place + 1 :: 8] = digits[place::7]
        found.append(int(wide, 2).to_bytes(len(wide) // 8, "big"))
    return b"".join(found)


def included(value: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    last = size - 1
    if not 0 <= index < size:
        return None
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            value = node_hash(sibling, value)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        index, last = index >> 1, last >> 1
    return value if last == 0 else None


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


def parse_vkey(data: bytes, kind: int = 1) -> LogKey:
    """Name, key id and public key of a verifier key for signatures of a type."""
    found = re.fullmatch(rb"([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n?", data)
    if not found:
        raise Broken("the verifier key is malformed")
    name, identifier = found[1].decode("utf-8"), bytes.fromhex(found[2].decode())
    key = decode64(found[3].decode())
    if len(key) != {1: 33, 6: 1 + MLDSA_KEY}[kind] or key[0] != kind:
        raise Broken(f"the verifier key is not an {KEY_NAMES[kind]} key")
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
    if int(body[2]) >= 1 << 53:
        raise Broken("the checkpoint's size is no number of entries")
    return int(body[2]), root


# --- Witnesses, C2SP tlog-cosignature and tlog-policy ---------------------------------------


def parse_cosigner(words: str) -> LogKey:
    """Name, key id and public key of a witness's verifier key."""
    found = re.fullmatch(r"([^\s+]{1,255})\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", words)
    key = decode64(found[3]) if found else b""
    if not found or len(key) != 33 or key[0] != 4:
        raise Broken("this is not a witness's verifier key")
    identifier = hashlib.sha256(found[1].encode() + b"\n" + key).digest()[:4]
    if identifier.hex() != found[2]:
        raise Broken("the verifier key's id is not its own")
    return found[1], identifier, key[1:]


def cosigned(note: bytes, vkey: LogKey) -> int | None:
    """When the witness cosigned the note, in seconds since 1970; None if it did not."""
    name, identifier, key = vkey
    text, _, lines = note.decode("utf-8").rpartition("\n\n")
    start = f"— {name} "
    signed = [
        decode64(line[len(start) :]) for line in lines.split("\n") if line.startswith(start)
    ]
    ours = [value[4:] for value in signed if value[:4] == identifier]
    if len(ours) != 1 or len(ours[0]) != 72:
        return None
    moment = int.from_bytes(ours[0][:8], "big")
    message = f"cosignature/v1\ntime {moment}\n{text}\n".encode()
    if moment >= YEAR_10000 or not ed25519_verify(key, message, ours[0][8:]):
        return None
    return moment


class WitnessPolicy:
    """Which witnesses must have cosigned; `whose` says where it comes from."""

    def __init__(self, data: bytes, whose: str) -> None:
        self.whose = whose
        self.logs: list[bytes] = []
        self.witnesses: dict[str, LogKey] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.listed: set[str] = set()
        self.quorum: str | None = None
        for number, line in enumerate(data.decode("utf-8").split("\n"), 1):
            words = [word for word in re.split(r"[ \t]+", line) if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                self.take(words)
                wrong = re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line) is not None
            except (Broken, ValueError):
                wrong = True
            if wrong:
                raise Broken(f"the witness policy cannot be understood at line {number}")
        if self.quorum is None:
            raise Broken("the witness policy has no quorum")

    def take(self, words: list[str]) -> None:
        what, *rest = words
        if what == "log" and len(rest) in (1, 2):
            key = parse_vkey(rest[0].encode())[2]
            self.demand(key not in self.logs)
            self.logs.append(key)
        elif what == "witness" and len(rest) in (2, 3):
            vkey = parse_cosigner(rest[1])
            self.demand(vkey[2] not in [one[2] for one in self.witnesses.values()])
            self.fresh(rest[0])
            self.witnesses[rest[0]] = vkey
        elif what == "group" and len(rest) > 2:
            name, needed, *members = rest
            self.fresh(name)
            self.demand(all(map(self.known, members)))
            self.demand(len(set(members) - self.listed) == len(members))
            self.listed.update(members)
            count = {"all": len(members), "any": 1}.get(needed) or int(needed)
            self.demand(needed in ("all", "any") or needed == str(count))
            self.demand(1 <= count <= len(members))
            self.groups[name] = count, members
        else:
            self.demand(what == "quorum" and len(rest) == 1 and self.quorum is None)
            self.demand(rest[0] == "none" or self.known(rest[0]))
            self.quorum = rest[0]

    def demand(self, holds: bool) -> None:
        if not holds:
            raise Broken("this line cannot be meant")

    def known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def fresh(self, name: str) -> None:
        self.demand(name != "none" and not self.known(name))

    def enough(self, name: str | None, signed: dict[str, int]) -> bool:
        if name in self.groups:
            count, members = self.groups[name]
            return sum(self.enough(member, signed) for member in members) >= count
        return name == "none" or name in signed

    def judge(self, note: bytes, log: bytes) -> tuple[bool, str]:
        """Whether the note of the log with this key meets it, and in words."""
        signed = {}
        for name, vkey in self.witnesses.items():
            moment = cosigned(note, vkey)
            if moment is not None:
                signed[name] = moment
        by = [
            f"{name} ({time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(moment))})"
            for name, moment in signed.items()
        ]
        if self.logs and log not in self.logs:
            return False, f"NOT WITNESSED: {self.whose} names other logs than this"
        if self.quorum == "none":
            return (
                True,
                f"Witnessed by {', '.join(by) or 'nobody'}; {self.whose} demands nobody",
            )
        if self.enough(self.quorum, signed):
            return True, f"Witnessed by {', '.join(by)}, as {self.whose} demands"
        absent = [name for name in self.witnesses if name not in signed]
        return False, (
            f"NOT WITNESSED by {', '.join(absent)}, as {self.whose} demands; "
            f"cosigned by {', '.join(by) or 'nobody'}"
        )


def second_signed(note: bytes, vkey: LogKey, size: int, root: bytes) -> bool:
    """Whether a checkpoint that was parsed is signed by ML-DSA-44, too (tlog-cosignature)."""
    name, identifier, key = vkey
    signatures = note.decode("utf-8").rpartition("\n\n")[2]
    lines = [line.split(" ") for line in signatures[:-1].split("\n")]
    found = [decode64(encoded) for _, who, encoded in lines if who == name]
    ours = [one[4:] for one in found if one[:4] == identifier]
    origin = name.encode()
    if len(ours) != 1 or len(ours[0]) != 8 + MLDSA_SIGNATURE or len(origin) > 255:
        return False
    moment, signature = ours[0][:8], ours[0][8:]
    log = bytes([len(origin)]) + origin
    message = b"subtree/v1\n\x00" + log + moment + log + bytes(8) + size.to_bytes(8, "big")
    return moment[0] < 128 and mldsa44_verify(key, message + root, signature)


# --- Where the evidence lies ----------------------------------------------------------------


class Folder:
    """Evidence that was unzipped."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.names = {
            found.relative_to(self.path).as_posix()
            for found in self.path.rglob("*")
            if not found.is_dir() and "__pycache__" not in found.parts
        }

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")

    def close(self) -> None:
        """Nothing is held open."""


class Archive:
    """Evidence as a ZIP. Nothing is unpacked to disk."""

    def __init__(self, path: str) -> None:
        try:
            self.file = Path(path).open("rb")  # noqa: SIM115 - `close` does
        except OSError as error:
            raise Unreadable(f"the ZIP cannot be read ({type(error).__name__})") from None
        try:
            self.zip, self.names = self._opened(self.file)
        except BaseException:
            self.file.close()
            raise

    @staticmethod
    def _opened(file: IO[bytes]) -> tuple[zipfile.ZipFile, set[str]]:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise Unreadable(f"the ZIP cannot be read ({type(error).__name__})") from None
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(names) != len(set(names)):
            raise Broken("the ZIP holds two files of one name")
        if any(
            member.compress_type not in (0, 8) or member.flag_bits & 1 for member in members
        ):
            raise Broken("the ZIP is encrypted, or packed in a way that we do not write")
        return archive, set(names)

    def open(self, name: str) -> IO[bytes]:
        return self.zip.open(name)

    def close(self) -> None:
        """Also where a member that was found broken is still open."""
        self.file.close()


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

    def batches(self) -> Iterator[list[bytes]]:
        """The lines, without their ends, some at a time."""
        rest = b""
        while True:
            data = self.read(1 << 20)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            yield lines
            if len(rest) > LINE_MAX:
                raise Broken(f"a line of {self.name} is too long")
        if rest:
            yield [rest]
            raise Broken(f"{self.name} does not end with a line")

    def close(self) -> None:
        """Read what is left; say whether it was the listed file."""
        while self.read(1 << 20):
            pass
        self.file.close()
        if self.length != self.limit or self.digest.hexdigest() != self.expected:
            raise Broken(f"{self.name} is not the file that the manifest lists")


class Shown:
    """The lines of details.jsonl or contents.jsonl, taken in step with the entries."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.batches = reader.batches()
        self.lines: list[bytes] = []
        self.places: list[int] = []
        self.sorted = True
        self.at = 0

    def ahead(self) -> bytes | None:
        while self.at == len(self.lines):
            batch = next(self.batches, None)
            if batch is None:
                return None
            self.lines, self.at = batch, 0
            self.places = list(map(place_of, batch))
            self.sorted = self.places == sorted(self.places)
        return self.lines[self.at]

    def before(self, index: int) -> list[bytes]:
        """The lines of entries before `index`; one that names none goes with the others."""
        taken: list[bytes] = []
        while self.ahead() is not None and self.places[self.at] < index:
            end = bisect_left(self.places, index, self.at) if self.sorted else self.at + 1
            taken += self.lines[self.at : end]
            self.at = end
        return taken


def place_of(line: bytes) -> int:
    """The entry that a line of `Shown` is about, or -1; judged properly later."""
    at = line.rfind(INDEX, -TAIL - 27, -TAIL)
    number = line[at + 9 : -TAIL]
    return int(number) if at > 0 and number.isdigit() else -1


# --- Canonical JSON -------------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """RFC 8785, for values with ASCII keys and no fractions."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    ).encode("utf-8")


def load(data: bytes, what: str) -> Any:
    """JSON that is written in its one canonical form."""
    try:
        value = json.loads(data)
        if canonical(value) == data and plain(value, 0):
            return value
    except (ValueError, RecursionError):
        pass
    raise Broken(f"{what} is not canonical JSON")


def plain(value: Any, depth: int) -> bool:
    """Whether there are only values that every language reads alike."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return True
    if isinstance(value, int):
        return abs(value) < 1 << 53
    if depth == DEPTH_MAX:
        return False
    if isinstance(value, dict):
        return all(key.isascii() and plain(one, depth + 1) for key, one in value.items())
    return isinstance(value, list) and all(plain(one, depth + 1) for one in value)


def hexadecimal(text: str) -> bytes:
    """32 bytes in their one form."""
    if not re.fullmatch(r"[0-9a-f]{64}", text, re.ASCII):
        raise Broken("a hash or key is malformed")
    return bytes.fromhex(text)


class Shapes:
    """Tells quickly that a detail is canonical: one that was read differs in values only.

    A detail is cut where a comma and a quotation mark meet. A piece that ends with the value of
    a member has the shape that is left without that value; any other piece is its own shape. A
    quotation mark after a letter ends a string, since a comma, a colon or a bracket is before
    one that begins; so the value is a whole string or number, and another plain one may stand
    there. Details whose pieces have the same shapes are therefore canonical together.

    Quicker still is a detail that differs in digits only from one that was read, see `Alike`.
    """

    PIECE = re.compile(rb'(.*?[A-Za-z0-9_]":\[?")([^"\\\x00-\x1f]*)("[\]}]*)')  # ends with text
    NAMED = b'application":{"id":"'

    def __init__(self) -> None:
        self.known: dict[bytes, int] = {}  # the shapes of pieces that come often
        self.shapes: dict[tuple[bytes, ...], int] = {}
        self.numbers: dict[tuple[bytes, ...], int] = {}  # of pieces that end so
        self.remembered: dict[int, int] = {}
        self.sound: dict[tuple[int | None, ...], tuple[int, int, int]] = {}
        self.alike: dict[bytes, Alike] = {}  # by the detail with a 0 for each digit
        self.met: dict[tuple[int | None, ...], int] = {}  # how many of these shapes are there

    def application(self, raw: bytes, index: int) -> str | None:
        """The id of the application that the detail names; raises `Broken`."""
        zeros = raw.translate(ZEROS)
        alike = self.alike.get(zeros)
        if alike is not None:
            for at, most in alike.numbers:
                if not 49 <= raw[at] <= most:
                    break
            else:
                return raw[alike.begin : alike.end].decode() if alike.end else None
        return self.by_shape(raw, zeros, index)

    def by_shape(self, raw: bytes, zeros: bytes, index: int) -> str | None:
        """As `application`, of a detail that is not like another."""
        pieces = raw.split(b',"')
        numbers = list(map(self.known.get, pieces))
        while None in numbers:
            at = numbers.index(None)
            numbers[at] = self.shape(pieces[at])
            if numbers[at] is None:
                return self.slowly(raw, index)
        shapes = tuple(numbers)
        known = self.sound.get(shapes)
        if known is not None:
            self.meet(raw, zeros, shapes, index)
            at, begin, end = known
            return pieces[at][begin:end].decode() if end else None
        named = self.slowly(raw, index)
        if len(self.sound) < SHAPES_MAX:
            self.learn(raw, pieces, shapes, named)
        return named

    def slowly(self, raw: bytes, index: int) -> str | None:
        about = load(raw, f"the detail of entry {index}")
        if not isinstance(about, dict):
            raise Broken(f"the detail of entry {index} is not an object")
        said = about.get("application")
        named = said.get("id") if isinstance(said, dict) else None
        return named if isinstance(named, str) else None

    def shape(self, piece: bytes) -> int | None:
        """A number for the piece's shape; None where there are too many, or it is no text."""
        head, _, value = piece.rpartition(b'":')
        digits = value.rstrip(b"]}")
        number = self.numbers.get((head, value[len(digits) :]))
        if number is not None and digits.isdigit() and small(digits):
            return number
        if digits.isdigit() and head[-1:].isalnum() and small(digits):
            shape: tuple[bytes, ...] = (head, value[len(digits) :])
        else:
            found = self.PIECE.fullmatch(piece)
            shape = found.group(1, 3) if found else (piece,)
        number = self.shapes.get(shape)
        if number is None:
            if len(self.shapes) == SHAPES_MAX:
                return None
            number = self.shapes[shape] = len(self.shapes)
        if not piece.isascii():
            try:
                piece.decode()
            except UnicodeDecodeError:
                return None
        if len(shape) == 2:
            self.numbers[shape] = number
        count = self.remembered.get(number, 0)
        if count < OFTEN:
            self.known[piece] = number
            self.remembered[number] = count + 1
        return number

    def learn(
        self,
        raw: bytes,
        pieces: list[bytes],
        shapes: tuple[int | None, ...],
        named: str | None,
    ) -> None:
        """Remember that details of these shapes are canonical, and where they name whom."""
        place = (0, 0, 0)
        if named is not None:
            if not name_at(raw, named):
                return
            places = []
            for at, piece in enumerate(pieces):
                found = self.PIECE.fullmatch(piece)
                if found and found[1].endswith(self.NAMED):
                    places.append((at, found.start(2), -len(found[3])))
            if len(places) != 1:
                return
            place = places[0]
            if pieces[place[0]][place[1] : place[2]] != named.encode():
                return
        self.sound[shapes] = place

    def meet(
        self, raw: bytes, zeros: bytes, shapes: tuple[int | None, ...], index: int
    ) -> None:
        """Read the detail and remember it but for its digits, if few of its shapes were."""
        count = self.met.get(shapes, 0)
        if count < OFTEN and len(raw) <= ALIKE_BYTES and len(self.alike) < ALIKE_MAX:
            alike = Alike.of(raw, self.slowly(raw, index))
            self.met[shapes] = OFTEN if alike is None else count + 1
            if alike is not None:
                self.alike[zeros] = alike


class Alike:
    """What is to be looked at in a detail that differs in digits only from one that was read.

    The one that was read is canonical, has no escape and no digit in the name of a member. So
    the other has the same strings, numbers and punctuation at the same places: it is canonical
    unless one of its numbers begins with a zero or is too large.
    """

    def __init__(self, numbers: list[tuple[int, int]], begin: int, end: int) -> None:
        self.numbers = numbers  # where one of several digits begins, and its first digit's most
        self.begin, self.end = begin, end  # where the application's id is; 0, 0 if it has none

    @classmethod
    def of(cls, raw: bytes, named: str | None) -> Alike | None:
        """For a canonical detail that names this application; None if it will not do."""
        begin = 0 if named is None else name_at(raw, named)
        if b"\\" in raw or (named is not None and not begin):
            return None
        numbers, at, text = [], 0, b""
        for place, piece in enumerate(raw.split(b'"')):
            if place % 2:  # a string
                text = piece
            elif b"-" in piece or (piece[:1] == b":" and re.search(rb"[0-9]", text)):
                return None
            else:
                for found in re.finditer(rb"[0-9]{2,}", piece):
                    length = len(found[0])
                    if length > 16:
                        return None
                    numbers.append((at + found.start(), 57 - (length == 16)))
            at += len(piece) + 1
        return cls(numbers, begin, begin + len((named or "").encode()))


def name_at(raw: bytes, named: str) -> int:
    """Where a canonical detail has the id of its application; 0 if that is not certain."""
    before, found, after = raw.partition(Shapes.NAMED)
    if not found or Shapes.NAMED in after or not after.startswith(named.encode() + b'"'):
        return 0
    other = before + found + b"~" + after  # an id that is longer: only there does it tell
    if json.loads(other)["application"].get("id") != "~" + named:
        return 0
    return len(before) + len(found)


def small(digits: bytes) -> bool:
    """Whether it is a number in its one form that every language reads alike."""
    return len(digits) + (digits[0] == 57) < 17 and (digits[0] != 48 or len(digits) == 1)


# --- A block of entries: what a process of its own can judge --------------------------------


class Terms:
    """What the manifest says of all entries alike."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, str, bytes]] = []  # id, name, label key
        self.all = True
        self.types: frozenset[str] = frozenset()
        self.disclosed: frozenset[str] = frozenset()
        self.prunings: list[Pruning] = []
        self.rotated: set[int] = set()  # entries by which the log's key was rotated
        self.contents = False


class Verdict:
    """What was found in a block of entries [begin, begin + count)."""

    def __init__(self, begin: int, count: int) -> None:
        self.begin, self.count = begin, count
        self.roots: list[tuple[int, bytes]] = []
        self.problems: list[Problem] = []
        self.more = 0
        self.suspect: int | None = None
        self.first: dict[Writer, tuple[int, int]] = {}  # its first entry here, and its seq
        self.following: dict[Writer, int] = {}  # the seq that its next one must have
        self.admitted: list[bytes] = []
        self.ended: list[bytes] = []
        self.details = self.labelled = 0
        self.owners: dict[str, int] = {}
        self.pruned: dict[Excuse, int] = {}
        self.contents: list[tuple[int, bytes, bool]] = []  # index, commitment, in scope
        self.added: tuple[int, bytes] | None = None  # the last entry that names a second key

    @property
    def end(self) -> int:
        return self.begin + self.count

    def problem(self, index: int, text: str) -> None:
        self.problems.append((index, text))

    def settle(self) -> None:
        """Leave the first problems, in order, and how many more there are."""
        self.problems.sort(key=operator.itemgetter(0))
        self.more = len(self.problems[SHOWN:])
        del self.problems[SHOWN:]


class Judge:
    """Judges blocks, in whichever process."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.shapes = Shapes()
        self.recent = [Label(identifier, key) for identifier, _, key in terms.keys]
        self.known = {one.identifier: one for one in self.recent}
        self.labels: dict[tuple[bytes, bytes], str | None] = {}  # of this block

    def block(self, begin: int, entries: bytes, details: bytes | None, hints: bytes) -> Verdict:
        """Judge lines that a line feed parts; after each of `details` there is one."""
        lines = entries.split(b"\n")
        verdict = Verdict(begin, len(lines))
        leaves = [sha256(b"\x00" + line).digest() for line in lines]
        first = b"".join(leaves)[::32].translate(HALF)
        if first != hints:
            same = zip(first, hints)
            verdict.suspect = begin + next(
                (n for n, (a, b) in enumerate(same) if a != b), min(len(first), len(hints))
            )
        at = 0
        for height in cover(begin, begin + len(lines)):
            verdict.roots.append((height, perfect(leaves[at : at + (1 << height)])))
            at += 1 << height
        shown = None if details is None else self.shown(verdict, details)
        self.labels.clear()
        numbers, columns = members(verdict, entries, lines)
        if columns:
            self.order(verdict, numbers, columns)
            self.entries(verdict, numbers, columns, shown)
        if shown:
            text = f"details.jsonl has a detail of entry {min(shown)}, which is not here"
            verdict.problem(verdict.begin + verdict.count, text)
        verdict.settle()
        return verdict

    def shown(self, verdict: Verdict, details: bytes) -> dict[int, tuple[bytes, bytes]] | None:
        """Detail and its HMAC by entry; None if they cannot be told apart."""
        if not details:
            return {}
        found: list[Any] = DETAIL.findall(details)
        length = sum(map(len, chain.from_iterable(found))) + DETAIL_FRAME * len(found)
        if length == len(details):  # nothing else is there
            raws, texts, every = zip(*found)
            keys, numbers = b"".join(every), list(map(int, texts))
            rising = all(map(operator.lt, numbers, numbers[1:]))
            within = verdict.begin <= numbers[0] and numbers[-1] < verdict.end
            if rising and within and not keys.translate(None, HEX):
                return dict(zip(numbers, zip(raws, commitments(keys, raws))))
        verdict.problem(
            verdict.begin,
            f"details.jsonl is malformed in the lines of entries {verdict.begin} to "
            f"{verdict.end - 1}",
        )
        return None

    def order(self, verdict: Verdict, numbers: Sequence[int], columns: Columns) -> None:
        """Whether entries follow their writer's last one; which requests begin or end."""
        _, _, _, epochs, requests, counts, sources, _, kinds = columns
        first, following = verdict.first, verdict.following
        for index, writer, count in zip(numbers, zip(sources, epochs), map(int, counts)):
            expected = following.get(writer)
            if expected != count:
                if expected is None:
                    first[writer] = index, count
                else:
                    verdict.problem(index, missing(index, writer))
            following[writer] = count + 1
        begun, over = verdict.admitted, verdict.ended
        begun += [one for one, kind in zip(requests, kinds) if kind == ADMITTED]
        over += [one for one, kind in zip(requests, kinds) if kind in ENDS]
        if not (all(begun) and all(over)):
            for index, request, kind in zip(numbers, requests, kinds):
                if not request and (kind == ADMITTED or kind in ENDS):
                    verdict.problem(index, f"entry {index} belongs to no request")
            begun[:], over[:] = filter(None, begun), filter(None, over)

    def entries(
        self,
        verdict: Verdict,
        numbers: Sequence[int],
        columns: Columns,
        shown: dict[int, tuple[bytes, bytes]] | None,
    ) -> None:
        """Hold details, labels and scope of entries against each other."""
        labels, contents, commits, _, requests, _, _, times, kinds = columns
        words = {kind: kind.decode() for kind in set(kinds)}
        unknown, shown = shown is None, shown or {}
        given = [shown.pop(index, None) for index in numbers]
        every = zip(numbers, labels, contents, commits, requests, times, kinds, given)
        for index, label, content, committed, request, when, kind, detail in every:
            try:
                self.entry(
                    verdict, index, label, content, committed, request, when, words[kind],
                    detail, unknown,
                )  # fmt: skip
            except Broken as error:
                verdict.problem(index, str(error))
        if ADDED in words.values():
            named = zip(numbers, kinds, given)
            told = [(n, one[0]) for n, kind, one in named if words[kind] == ADDED and one]
            verdict.added = told[-1] if told else None

    def entry(  # noqa: PLR0917 - the members of an entry
        self,
        verdict: Verdict,
        index: int,
        label: bytes,
        content: bytes,
        committed: bytes,
        request: bytes,
        when: bytes,
        kind: str,
        given: tuple[bytes, bytes] | None,
        unknown: bool,
    ) -> None:
        """Detail, label and scope; `unknown` if details cannot be told apart."""
        named = owner = None
        terms = self.terms
        if given is not None:
            verdict.details += 1
            if given[1] != committed:
                raise Broken(f"entry {index}: its detail was changed")
            named = self.shapes.application(given[0], index)
        if label:
            verdict.labelled += 1
            owner = self.owner(label, request, named)
            if owner:
                verdict.owners[owner] = verdict.owners.get(owner, 0) + 1
        in_scope = (terms.all or owner is not None) and (not terms.types or kind in terms.types)
        if content and terms.contents:
            verdict.contents.append((index, content, in_scope))
        if given is not None:
            self.detail(index, kind, label, owner, named, in_scope, given[0])
        elif not unknown and (in_scope or kind in DISCLOSED):
            rule = None
            if not stays(kind):
                rule = self.removed(index, when[:10].decode(), label, owner)
            if rule is None:
                raise Broken(f"entry {index}: its detail was left out")
            excuse = rule, bool(label)
            verdict.pruned[excuse] = verdict.pruned.get(excuse, 0) + 1

    def detail(  # noqa: PLR0917 - a table of what is known
        self,
        index: int,
        kind: str,
        label: bytes,
        owner: str | None,
        named: str | None,
        in_scope: bool,
        raw: bytes,
    ) -> None:
        """Whether the detail belongs to the entry and to the scope."""
        if label and named not in (None, owner) and (owner or named in self.known):
            raise Broken(
                f"entry {index} is labelled as another application's than its detail says"
            )
        if not in_scope and kind not in self.terms.disclosed:
            raise Broken(f"entry {index}: its detail is outside of the evidence's scope")
        if kind == "application.registered":
            self.registration(load(raw, f"the detail of entry {index}"), index)
        if kind == ROTATED and index not in self.terms.rotated:
            raise Broken(
                f"entry {index} rotates the log's key, and rotations.jsonl does not tell of it"
            )

    def removed(self, index: int, day: str, label: bytes, owner: str | None) -> int | None:
        """Which pruning covers the entry.

        One that names no application covers no entry with a label; an entry without a label
        does not say whose it is.
        """
        for number, rule in enumerate(self.terms.prunings):
            covers = rule.begin <= index < rule.end and day < rule.before
            if covers and (not label or (owner and rule.application == owner)):
                return number
        return None

    def registration(self, about: dict[str, Any], index: int) -> None:
        """Hold the label key in applications.json against the one that was registered."""
        name, registered = about.get("name"), about.get("label_key_sha256")
        if not isinstance(name, str) or not isinstance(registered, str):
            raise Broken(f"entry {index} does not say which application has which label key")
        for _, known, key in self.terms.keys:
            if known == name and sha256(key).hexdigest() != registered:
                raise Broken(
                    f"entry {index}: the label key of {name} in applications.json is not the "
                    "one that was registered"
                )

    def owner(self, label: bytes, request: bytes, named: str | None) -> str | None:
        """The application in scope that the entry is labelled as; the likely ones first."""
        if (label, request) in self.labels:  # as that of the entry before, of one request
            return self.labels[label, request]
        recent, found = self.recent, None
        likely = self.known.get(named) if named is not None else None
        if likely is not None and likely.of(request) == label:
            found = named
        else:
            for place, one in enumerate(recent):
                if one.of(request) == label:
                    if place:
                        recent.insert(0, recent.pop(place))
                    found = one.identifier
                    break
        self.labels[label, request] = found
        return found


def stays(kind: str) -> bool:
    """Whether no rule removes details of this type."""
    return any(kind.startswith(name) if name[-1] == "." else kind == name for name in KEPT)


def members(
    verdict: Verdict, entries: bytes, lines: list[bytes]
) -> tuple[Sequence[int], Columns]:
    """Numbers and members of the entries that have the one form, member by member."""
    found: list[Any] = MEMBERS.findall(entries)
    if len(found) == len(lines) and formed(columns := list(zip(*found))):
        return range(verdict.begin, verdict.end), columns
    numbers, found = [], []
    for index, line in enumerate(lines, verdict.begin):
        fields = ENTRY.findall(line)
        if fields:
            numbers.append(index)
            found += fields
        else:
            verdict.problem(index, f"entry {index} is not an entry in its one form")
    return numbers, list(zip(*found))


def formed(columns: Columns) -> bool:
    """Whether members that `MEMBERS` found are as `ENTRY` demands."""
    labels, contents, details, _, requests, _, sources, times, kinds = columns
    digits = b"".join([*labels, *contents, *details, *requests])
    return not digits.translate(None, HEX) and all(
        pattern.fullmatch(one)
        for pattern, column in ((SOURCE, sources), (TIME, times), (TYPE, kinds))
        for one in set(column)
    )


def commitments(keys: bytes, details: Iterable[bytes]) -> list[bytes]:
    """As `hmac_sha256` in hexadecimal, for many; `keys` in hexadecimal, end to end."""
    joined = unhexlify(keys)
    inner, outer = joined.translate(IPAD), joined.translate(OPAD)
    digests = [
        sha256(
            outer[at : at + 32] + OUTER
            + sha256(inner[at : at + 32] + INNER + detail).digest()
        ).digest()
        for at, detail in zip(range(0, len(joined), 32), details)
    ]  # fmt: skip
    return [hexlify(digest) for digest in digests]


def missing(index: int, writer: Writer) -> str:
    """That a writer's events do not follow each other."""
    name = b"/".join(writer).decode()
    return f"entry {index}: events of {name} are missing or out of order"


judging: Judge | None = None  # of this process


def begin_judging(terms: Terms) -> None:
    """Let this process judge blocks."""
    global judging  # noqa: PLW0603 - a process's own
    judging = Judge(terms)


def judge(begin: int, entries: bytes, details: bytes | None, hints: bytes) -> Verdict:
    """Judge a block in this process."""
    if judging is None:
        raise RuntimeError("begin_judging first")
    return judging.block(begin, entries, details, hints)


class Here:
    """Judges in this process, at once."""

    def __init__(self, terms: Terms) -> None:
        self.judge = Judge(terms)

    def submit(self, _judge: object, *block: Any) -> Here:
        self.verdict = self.judge.block(*block)
        return self

    def result(self) -> Verdict:
        return self.verdict

    def shutdown(self) -> None:
        """Nothing runs."""


def processes(jobs: int, terms: Terms) -> Any:
    """As many processes, or this one."""
    if jobs > 1:
        try:
            return ProcessPoolExecutor(jobs, initializer=begin_judging, initargs=(terms,))
        except (ImportError, OSError, NotImplementedError):
            pass  # a system without semaphores
    return Here(terms)


# --- The evidence as a whole ----------------------------------------------------------------


class Pruning:
    """Details that a retention rule removed, as the log says."""

    def __init__(self, place: tuple[int, int], entry: str, about: dict[str, Any]) -> None:
        self.place, self.entry = place, entry
        self.begin, self.end = whole(about["begin"]), whole(about["end"])
        self.application, self.before = about["application"], about["before"]
        self.rule, self.count = about["rule"], whole(about["count"])
        if not isinstance(self.application, (str, type(None))) or not (
            isinstance(self.before, str)
            and isinstance(self.rule, str)
            and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", self.before, re.ASCII)
        ):
            raise Broken(f"{entry} does not say what was removed")


class Handover:
    """One key of the log hands over to the next, at an entry of a generation."""

    MEMBERS = ("handover", "verifier_key", "verifier_key_before")

    def __init__(self, value: dict[str, Any], log: str) -> None:
        self.value = value
        self.place = whole(value["generation"]), whole(value["index"])
        texts = strings([value["verifier_key_before"], value["verifier_key"]])
        old, new = (parse_vkey(one.encode()) for one in texts)
        self.before, self.after = old[2], new[2]
        if {one[0].rpartition("/")[0] for one in (old, new)} != {log.rpartition("/")[0]}:
            raise Broken("rotations.jsonl is of another log")
        message = HANDOVER + "{}\n{}\n".format(*texts).encode()
        if not ed25519_verify(self.before, message, decode64(value["handover"])):
            raise Broken(
                f"rotations.jsonl: the rotation at entry {self.place[1]} of generation "
                f"{self.place[0]} is not signed by the key that it puts aside"
            )

    def follows(self, last: Handover) -> bool:
        return self.place > last.place and self.before == last.after


def whole(value: Any) -> int:
    """An integer of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Broken("a number is malformed")
    return value


def strings(value: Any) -> list[str]:
    """A list of strings."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Broken("a list is malformed")
    return value


class Verifier:
    """One pass over the evidence; `problems` is what is wrong."""

    def __init__(self, files: Folder | Archive, jobs: int = 1) -> None:
        self.files, self.jobs = files, jobs
        self.terms = Terms()
        self.problems: list[Problem] = []
        self.more = 0
        self.handovers: list[Handover] = []
        self.after: dict[str, tuple[int, int, bytes]] = {}  # generations, by their checkpoints
        self.second: bytes | None = None  # the key of the second signature
        self.added: tuple[int, bytes] | None = None
        self.words: list[str] = []
        self.seen_kept = False
        self.next: dict[Writer, int] = {}
        self.admitted, self.ended = array("Q"), array("Q")
        self.open = self.details = self.entries = self.labelled = 0
        self.owners: dict[str, int] = {}
        self.pruned: dict[Excuse, int] = {}
        self.committed = self.contents = 0
        self.policies: list[WitnessPolicy] = []
        self.unwitnessed: list[str] = []

    def problem(self, index: int, text: str) -> None:
        """Of an entry; -1 is before all of them, AFTER behind."""
        if len(self.problems) < SHOWN or index < AFTER:
            self.problems.append((index, text))
        else:
            self.more += 1

    @contextlib.contextmanager
    def part(self, what: str = "a file", index: int = -1) -> Iterator[None]:
        """Go on after a part that is broken: the others may say more."""
        try:
            yield
        except Broken as error:
            self.problem(index, str(error))
        except BrokenProcessPool:
            raise
        except (KeyError, TypeError, AttributeError, IndexError, ValueError):
            self.problem(index, f"{what} is malformed")
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError):
            self.problem(index, f"{what} cannot be read")
        except zlib.error:
            self.problem(index, f"{what} cannot be unpacked")

    def run(self, given_key: bytes | None, kept: bytes | None) -> bool:
        with self.part("the manifest"):
            self.manifest(given_key)
            with self.part():
                self.range(kept)
            for name in sorted(set(self.listed) - JUDGED):
                with self.part(name, AFTER):
                    self.beside(name)
        self.problems.sort(key=lambda problem: problem[0])
        self.more += len(self.problems[SHOWN:])
        del self.problems[SHOWN:]
        return not self.problems and not self.unwitnessed

    def beside(self, name: str) -> None:
        """A file that is judged by its digest; a stamped checkpoint by log and size, too."""
        said = STAMP.fullmatch(name)
        if said and name.endswith(".checkpoint"):
            if not self.small(name).startswith(f"{self.vkey[0]}\n{said[1]}\n".encode()):
                raise Broken(f"{name} is not a checkpoint of {said[1]} entries of this log")
        else:
            Reader(self.files, name, self.listed[name]).close()

    def small(self, name: str) -> bytes:
        reader = Reader(self.files, name, self.listed[name])
        data = reader.whole()
        reader.close()
        return data

    def manifest(self, given_key: bytes | None) -> None:
        if "manifest.json" in self.files.names:
            with self.files.open("manifest.json") as file:
                of_another_format(file.read(MANIFEST_MAX))
        missing = (NAMES | {"manifest.json", "manifest.sig"}) - self.files.names
        extra = self.files.names - NAMES - OPTIONAL - {"manifest.json", "manifest.sig"}
        extra -= stamp_of(self.files.names)
        if missing or extra:
            raise Broken(f"files are missing or do not belong: {names(missing | extra)}")
        with self.files.open("manifest.json") as file:
            data = file.read(MANIFEST_MAX)
        with self.files.open("manifest.sig") as file:
            signature = file.read(200)
        with self.files.open("log.vkey") as file:
            enclosed = file.read(1000)
        given_key, self.given_second = halves(given_key)
        given = parse_vkey(given_key if given_key is not None else enclosed)
        self.vkey = parse_vkey(enclosed)
        followed = of_one_log(given, self.vkey) or "rotations.jsonl" in self.files.names
        if not enclosed.endswith(b"\n") or not followed:
            raise Broken("the evidence is signed by another key than the one that you gave")
        name, _, key = self.vkey
        self.words.append(f"Log: {name}")
        self.words.append(f"Fingerprint of its key: {hashlib.sha256(key).hexdigest()}")
        if given_key is None:
            self.words.append("  Compare it with one that you were given by another way.")
        elif given[0] != name and generation_of(given[0], name):
            number = generation_of(given[0], name)
            self.words.append(f"  The key that you gave is that of generation {number}.")
        if signature[-1:] != b"\n" or not ed25519_verify(
            key, data, decode64(signature[:-1].decode("ascii"))
        ):
            raise Broken("the manifest is not signed by the log's key")
        manifest = load(data, "the manifest")
        if (manifest["format"], manifest["v"]) != (FORMAT, VERSION):
            raise Broken("this is another format; get the verifier that came with it")
        there = self.files.names - {"manifest.json", "manifest.sig"}
        if manifest["origin"] != name or set(manifest["files"]) != there:
            raise Broken("the manifest is of another log, or lists other files")
        self.manifested(manifest)
        if "rotations.jsonl" in self.listed:
            self.rotations(given)

    def manifested(self, manifest: dict[str, Any]) -> None:
        """Take over what a signed manifest says."""
        self.listed, self.scope = manifest["files"], manifest["scope"]
        for listed in self.listed.values():
            whole(listed["bytes"])
            hexadecimal(listed["sha256"])
        self.begin, self.end = whole(manifest["begin"]), whole(manifest["end"])
        self.size, self.counts = whole(manifest["size"]), manifest["counts"]
        self.terms.disclosed = frozenset(strings(manifest["disclosed"]))
        self.terms.types = frozenset(strings(manifest["types"]))
        self.terms.contents = "contents.jsonl" in self.listed
        self.terms.all = self.scope == "all"
        strings(manifest["statement"])
        if self.scope not in ("all", "applications"):
            raise Broken("the manifest does not say what is in scope")
        if not self.terms.disclosed >= DISCLOSED:
            raise Broken("the manifest leaves out events that must always be shown")

    def rotations(self, given: LogKey) -> None:
        """Follow the log's keys, each vouched for by the one before, to the one that signs."""
        for line in lines_of(self.small("rotations.jsonl")):
            one = Handover(load(line, "a line of rotations.jsonl"), self.vkey[0])
            if self.handovers and not one.follows(self.handovers[-1]):
                raise Broken("rotations.jsonl: the keys do not follow from each other")
            self.handovers.append(one)
        if not self.handovers or self.handovers[-1].after != self.vkey[2]:
            raise Broken("rotations.jsonl does not lead to the key that signed the manifest")
        keys = (self.vkey[2], *(one.before for one in self.handovers))
        if not any(of_one_log(given, (self.vkey[0], b"", key)) for key in keys):
            raise Broken("the evidence is signed by another key than the one that you gave")
        generation, index = self.handovers[-1].place
        self.words.append(
            f"Rotations of its key: {len(self.handovers)}, the last at entry {index} of "
            f"generation {generation}."
        )
        if given[2] != self.vkey[2]:
            self.words.append("  The key that you gave is an older one; it leads to this one.")

    def rotated(self) -> None:
        """Hold the rotations against the entries of this generation that tell of them."""
        for one in self.handovers:
            generation, index = one.place
            here = self.vkey[0].endswith(f"/{generation}")
            if "proof" not in one.value:
                if here and index < self.end:
                    raise Broken(f"rotations.jsonl: entry {index} is not proven")
                continue
            entry, about = one.value["entry"], one.value["detail"]
            path = [hexadecimal(value) for value in one.value["proof"]]
            found = included(leaf_hash(canonical(entry)), index, self.size, path)
            if not here or found != self.root:
                raise Broken(f"rotations.jsonl: entry {index} is not in the log")
            key = hexadecimal(one.value["key"])
            same = all(about[name] == one.value[name] for name in Handover.MEMBERS)
            sound = hmac_sha256(key, canonical(about)).hex() == entry["detail"]
            if not same or not sound or entry["type"] != ROTATED:
                raise Broken(f"rotations.jsonl: the detail of entry {index} was changed")
            self.terms.rotated.add(index)

    def kept_checkpoint(self, note: bytes) -> tuple[int, bytes] | None:
        """Size and root of the one that the reader kept; None if of another generation."""
        name = note.split(b"\n")[0].decode("utf-8")
        number = generation_of(name, self.vkey[0])
        if name == self.vkey[0] or not number:
            return self.checkpoint(note)
        kept = int(number), *self.checkpoint(note, name)
        for other in self.after.values():
            if other[:2] == kept[:2] and other != kept:
                raise Broken(f"the checkpoint of generation {number} is not the one you kept")
        self.words.append(
            f"The checkpoint that you kept is of generation {number}; it was not compared."
        )
        return None

    def checkpoint(self, note: bytes, name: str = "") -> tuple[int, bytes]:
        """Size and root of a checkpoint, signed by the key that signs at its place."""
        name, key = name or self.vkey[0], self.vkey[2]
        said = re.match(rb"[^\n]*\n(0|[1-9][0-9]{0,18})\n", note)
        if said and self.handovers:
            key = self.handovers[0].before
            reach = int(name.rpartition("/")[2]), int(said[1])
            for one in self.handovers:
                key = one.after if one.place < reach else key
        self.signer = key
        identifier = sha256(name.encode() + b"\n\x01" + key).digest()[:4]
        return parse_checkpoint(note, (name, identifier, key))

    def witnesses(self, note: bytes) -> None:
        """Hold the checkpoint's cosignatures against the policies: ours and the reader's."""
        if "witness-policy" in self.listed:
            data = self.small("witness-policy")
            self.policies.append(WitnessPolicy(data, "the policy in this evidence"))
        for policy in self.policies:
            met, words = policy.judge(note, self.signer)
            (self.words if met else self.unwitnessed).append(f"{words}.")

    def second_signature(self, note: bytes) -> None:
        """Judge the checkpoint's signature by ML-DSA-44, where its key is here or given."""
        if "mldsa.vkey" not in self.listed:
            if self.given_second is not None:
                raise Broken("the evidence lacks the ML-DSA-44 key that you gave")
            return
        vkey = parse_vkey(self.small("mldsa.vkey"), 6)
        given = vkey if self.given_second is None else parse_vkey(self.given_second, 6)
        if not of_one_log(given, vkey):
            raise Broken("the evidence has another ML-DSA-44 key than the one that you gave")
        if vkey[0] != self.vkey[0] or not second_signed(note, vkey, self.size, self.root):
            raise Broken("the checkpoint is not signed by the log's ML-DSA-44 key")
        self.second = vkey[2]
        self.words.append(f"Fingerprint of its ML-DSA-44 key: {sha256(vkey[2]).hexdigest()}")

    def second_named(self) -> None:
        """Hold the key of the second signature against the last entry that names one."""
        if self.added is None or self.end != self.size:
            return
        index, raw = self.added
        line = load(raw, f"the detail of entry {index}")["verifier_key"]
        if parse_vkey(line.encode(), 6)[2] != self.second:
            raise Broken(f"entry {index} names an ML-DSA-44 key that signed no checkpoint here")

    def sealed(self) -> None:
        """The checkpoint, and who has signed it."""
        note = self.small("checkpoint")
        size, self.root = self.checkpoint(note)
        if size != self.size or not 0 <= self.begin < self.end <= size:
            raise Broken("the checkpoint does not cover the range")
        self.small("log.vkey")
        with self.part("mldsa.vkey"):
            self.second_signature(note)
        with self.part("witness-policy"):
            self.witnesses(note)

    def applications(self) -> None:
        """Read whose entries can be told apart: each with an id and a label key of its own."""
        for one in load(self.small("applications.json"), "applications.json")["applications"]:
            if not (isinstance(one["id"], str) and isinstance(one["name"], str) and one["id"]):
                raise Broken("applications.json is malformed")
            key = hexadecimal(one["label_key"])
            if any(one["id"] == other or key == held for other, _, held in self.terms.keys):
                raise Broken("applications.json has an application, or a label key, twice")
            self.terms.keys.append((one["id"], one["name"], key))

    def range(self, kept: bytes | None) -> None:
        self.sealed()
        self.applications()
        proof = load(self.small("proof.json"), "proof.json")
        before = [hexadecimal(value) for value in proof["before"]]
        after = [hexadecimal(value) for value in proof["after"]]
        self.hints = unpacked(self.small("hints"))[: self.end - self.begin]
        with self.part("prunings.jsonl"):
            self.prunings()
        with self.part("rotations.jsonl"):
            self.rotated()
        self.kept = self.kept_checkpoint(kept) if kept is not None else None
        edge = Edge()
        for height, value in self.pairs(cover(0, self.begin), before):
            edge.append(value, height)
        self.compare_kept(edge)
        self.suspect: int | None = None
        shown = Shown(Reader(self.files, "details.jsonl", self.listed["details.jsonl"]))
        entries = Reader(self.files, "entries.jsonl", self.listed["entries.jsonl"])
        content = None
        if self.terms.contents:
            content = Contents(
                Reader(self.files, "contents.jsonl", self.listed["contents.jsonl"])
            )
        few = self.listed["entries.jsonl"]["bytes"] < LARGE
        pool = processes(1 if few else self.jobs, self.terms)
        try:
            with self.part("entries.jsonl", AFTER):
                self.walk(pool, entries, shown, content, edge)
        finally:
            pool.shutdown()
        with self.part("entries.jsonl", AFTER):
            entries.close()
        with self.part("details.jsonl", AFTER):
            if shown.ahead() is not None:
                raise Broken("details.jsonl has details of entries that are not here")
            shown.reader.close()
        with self.part("contents.jsonl", AFTER):
            if content is not None:
                content.end()
        with self.part("the proof", AFTER):
            self.conclude(edge, after)
        with self.part("entries.jsonl", AFTER):
            self.requests()
        with self.part("prunings.jsonl", AFTER):
            self.excused()
        with self.part("mldsa.vkey", AFTER):
            self.second_named()
        with self.part("the manifest", AFTER):
            self.counted()

    def prunings(self) -> None:
        """Read what the log says of details that were removed; each stands with its proof."""
        for line in lines_of(self.small("prunings.jsonl")):
            value = load(line, "a line of prunings.jsonl")
            index, entry = whole(value["index"]), canonical(value["entry"])
            path = [hexadecimal(one) for one in value["proof"]]
            number, size, root, what = 0, self.size, self.root, f"entry {index}"
            if "checkpoint" in value:
                number, size, root = self.later(value["checkpoint"])
                what += f" of generation {number}"
            if included(leaf_hash(entry), index, size, path) != root:
                raise Broken(f"prunings.jsonl: {what} is not in the log")
            key, about = hexadecimal(value["key"]), canonical(value["detail"])
            sound = hmac_sha256(key, about).hex() == value["entry"]["detail"]
            if not sound or value["entry"]["type"] != "record.pruned":
                raise Broken(f"prunings.jsonl: the detail of {what} was changed")
            if whole(value["detail"]["generation"]) != int(self.vkey[0].rpartition("/")[2]):
                raise Broken(f"prunings.jsonl: {what} is about another generation")
            place = number, index
            if self.terms.prunings and place <= self.terms.prunings[-1].place:
                raise Broken(f"prunings.jsonl: {what} is not in the log's order")
            self.terms.prunings.append(Pruning(place, what, value["detail"]))

    def later(self, note: str) -> tuple[int, int, bytes]:
        """Number, size and root of a generation after this one, from its checkpoint."""
        if note not in self.after:
            name = note.partition("\n")[0]
            number, own = (generation_of(one, self.vkey[0]) for one in (name, self.vkey[0]))
            if not number or int(number) <= int(own):
                raise Broken("prunings.jsonl: a checkpoint is not of a later generation")
            if any(int(number) == one for one, *_ in self.after.values()):
                raise Broken(f"prunings.jsonl: generation {number} has two checkpoints")
            size, root = self.checkpoint(note.encode(), name)
            self.attested(number, note.encode(), (name, size, root))
            self.after[note] = int(number), size, root
        return self.after[note]

    def attested(self, number: str, note: bytes, state: tuple[str, int, bytes]) -> None:
        """Hold a later generation's checkpoint against what is asked of this one's."""
        name, size, root = state
        if self.second:
            identifier = sha256(name.encode() + b"\n\x06" + self.second).digest()[:4]
            if not second_signed(note, (name, identifier, self.second), size, root):
                raise Broken(
                    f"prunings.jsonl: the checkpoint of generation {number} is not signed by "
                    "the log's ML-DSA-44 key"
                )
        for policy in self.policies:
            met, words = policy.judge(note, self.signer)
            words = f"The checkpoint of generation {number}: {words}."
            (self.words if met else self.unwitnessed).append(words)

    def excused(self) -> None:
        """No more details may be missing than the removals count.

        An entry without a label does not say whose it is: it counts for all rules together.
        """
        for (number, labelled), count in sorted(self.pruned.items()):
            rule = self.terms.prunings[number]
            if labelled and count > rule.count:
                self.problem(
                    AFTER,
                    f"{count} details are missing by the rule of {rule.entry}, which "
                    f"counts {rule.count}: {rule.rule}",
                )
        gone, told = sum(self.pruned.values()), sum(one.count for one in self.terms.prunings)
        if gone > told:
            raise Broken(
                f"{gone} details are missing; the rules that removed some count {told}"
            )

    def pairs(self, heights: Iterable[int], values: list[bytes]) -> Iterator[tuple[int, bytes]]:
        heights = list(heights)
        if len(heights) != len(values):
            raise Broken("the proof has the wrong length")
        return zip(heights, values)

    def walk(
        self, pool: Any, entries: Reader, shown: Shown, content: Contents | None, edge: Edge
    ) -> None:
        """Hand out the entries block by block, and put together what comes back, in order."""
        waiting: deque[Any] = deque()
        room = 0 if isinstance(pool, Here) else 2 * self.jobs
        details: bytes | None = b""
        for begin, lines in self.blocks(entries):
            end = begin + len(lines)
            if details is not None:
                details = None
                with self.part("details.jsonl", begin):
                    details = b"\n".join([*shown.before(end), b""])
            low = begin - self.begin
            hints = self.hints[low : low + len(lines)]
            waiting.append(pool.submit(judge, begin, b"\n".join(lines), details, hints))
            del lines
            while len(waiting) > room:
                self.merge(waiting.popleft().result(), content, edge)
        while waiting:
            self.merge(waiting.popleft().result(), content, edge)

    def blocks(self, entries: Reader) -> Iterator[tuple[int, list[bytes]]]:
        """Lines in blocks that end where perfect subtrees end, and at the kept checkpoint."""
        at, lines = self.begin, []

        def cut() -> int:
            high = (at // BLOCK + 1) * BLOCK
            return min(high, self.kept[0]) if self.kept and at < self.kept[0] else high

        try:
            for batch in entries.batches():
                lines += batch
                taken = 0
                while len(lines) - taken >= cut() - at:
                    count = cut() - at
                    yield at, lines[taken : taken + count]
                    taken, at = taken + count, at + count
                del lines[:taken]
        except (Broken, OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile):
            if lines:
                yield at, lines
            raise
        if lines:
            yield at, lines

    def merge(self, verdict: Verdict, content: Contents | None, edge: Edge) -> None:
        """Put a block's verdict after those of the blocks before it."""
        self.entries += verdict.count
        for height, value in verdict.roots:
            edge.append(value, height)
        if self.suspect is None:
            self.suspect = verdict.suspect
        for writer, (index, first) in verdict.first.items():
            if self.next.get(writer, first) != first:
                self.problem(index, missing(index, writer))
        self.next.update(verdict.following)
        self.added = verdict.added or self.added
        if len(self.problems) < SHOWN:
            self.problems += verdict.problems
        else:
            self.more += len(verdict.problems)
        self.more += verdict.more
        for kept, new in ((self.admitted, verdict.admitted), (self.ended, verdict.ended)):
            kept.frombytes(unhexlify(b"".join([one[16:] for one in new])))
        self.details += verdict.details
        self.labelled += verdict.labelled
        for owner, count in verdict.owners.items():
            self.owners[owner] = self.owners.get(owner, 0) + count
        for excuse, count in verdict.pruned.items():
            self.pruned[excuse] = self.pruned.get(excuse, 0) + count
        if content is not None:
            self.disclosed(verdict, content)
        with self.part("the checkpoint that you kept", AFTER):
            self.compare_kept(edge)

    def disclosed(self, verdict: Verdict, content: Contents) -> None:
        """Hold the block's contents against what its entries committed to."""
        for index, committed, in_scope in verdict.contents:
            with self.part("contents.jsonl", index):
                self.committed += in_scope
                self.contents += content.check(index, committed, in_scope)
        with self.part("contents.jsonl", verdict.begin):
            content.passed(verdict.begin + verdict.count)

    def compare_kept(self, edge: Edge) -> None:
        if self.kept and edge.size == self.kept[0]:
            self.seen_kept = True
            if edge.root() != self.kept[1]:
                raise Broken("the log did not grow from the checkpoint that you kept")

    def conclude(self, edge: Edge, after: list[bytes]) -> None:
        if self.entries != self.end - self.begin:
            self.problem(
                AFTER,
                f"there are {self.entries} entries; the range has {self.end - self.begin}",
            )
        else:
            for height, value in self.pairs(cover(self.end, self.size), after):
                edge.append(value, height)
            self.compare_kept(edge)
        if edge.size != self.size or edge.root() != self.root:
            self.problem(-1, "the entries are not the ones that the checkpoint was signed over")
            if self.suspect is not None:
                self.problem(-1, f"the first entry that was changed is entry {self.suspect}")
        if self.kept and not self.seen_kept:
            self.words.append(
                f"The checkpoint that you kept ({self.kept[0]} entries) is outside of this "
                "range; it was not compared."
            )

    def requests(self) -> None:
        """Admitted once, ended once; in whichever order, for another source may end it.

        Eight bytes of each request are kept. Where two are equal, a second pass over the
        entries tells whether the requests are.
        """
        admitted, ended = sorted(self.admitted), sorted(self.ended)
        twice = {one for every in (admitted, ended) for one in repeated(every)}
        self.open = len(admitted) - len(list(repeated(sorted(admitted + ended))))
        if not twice:
            return
        self.open = 0
        wanted = {one.to_bytes(8, sys.byteorder).hex().encode() for one in twice}
        begun: set[bytes] = set()
        over: set[bytes] = set()
        reader = Reader(self.files, "entries.jsonl", self.listed["entries.jsonl"])
        index = self.begin
        for batch in reader.batches():
            for line in batch:
                for fields in ENTRY.findall(line):
                    request, kind = fields[4], fields[8]
                    mine = kind == ADMITTED or kind in ENDS
                    if mine and request[16:] in wanted:
                        seen, word = (
                            (begun, "was admitted") if kind == ADMITTED else (over, "ended")
                        )
                        if request in seen:
                            self.problem(
                                index,
                                f"entry {index}: request {request.decode()} {word} twice",
                            )
                        seen.add(request)
                index += 1

    def counted(self) -> None:
        """Hold the manifest's counts against the labels that were recognised."""
        if sum(whole(count) for count in self.counts.values()) != self.labelled:
            raise Broken(
                f"{self.labelled} entries belong to an application; the manifest counts "
                f"{sum(self.counts.values())}"
            )
        for identifier, name, _ in self.terms.keys:
            found, said = self.owners.get(identifier, 0), self.counts.get(identifier, 0)
            if found != said:
                raise Broken(f"{name} has {found} entries here; the manifest counts {said}")

    def verdict(self) -> Iterator[str]:
        for _, text in self.problems:
            yield f"NOT SOUND: {text}."
        if self.more:
            yield f"NOT SOUND: and {self.more} more."
        yield from self.unwitnessed
        yield from self.words
        if self.problems:
            yield "This evidence was changed, cut or made wrongly. Do not rely on it."
            return
        but = ", BUT NOT WITNESSED" if self.unwitnessed else ""
        yield (
            f"SOUND{but}: entries {self.begin} to {self.end - 1} of the {self.size} that the "
            "checkpoint covers, none left out."
        )
        yield from self.completeness()
        yield (
            f"{len(self.admitted)} requests were admitted; {self.open} of them did not end "
            "within this range."
        )
        yield LIMITS

    def completeness(self) -> Iterator[str]:
        """What of the details and contents is here, and what is not."""
        gone = sum(self.pruned.values())
        of_types = f" of the types {', '.join(sorted(self.terms.types))}" * bool(
            self.terms.types
        )
        if self.terms.all and not of_types and not gone:
            yield f"All {self.details} details are here."
        elif self.terms.all and not of_types:
            yield f"{self.details} details are here: all but the {gone} that were removed."
        else:
            names = ", ".join(sorted(name for _, name, _ in self.terms.keys))
            whose = "all" if self.terms.all else f"all of {names}"
            but = f" but the {gone} that were removed" if gone else ""
            yield f"{self.details} details: {whose}{of_types}{but}, and all registrations."
        for number, rule in enumerate(self.terms.prunings):
            count = sum(self.pruned.get((number, labelled), 0) for labelled in (False, True))
            if not count:
                continue
            yield f"{count} details were removed by rule {rule.rule}, see {rule.entry}."
        if self.terms.contents:
            yield (
                f"{self.contents} contents are here, of {self.committed} in scope; the others "
                "were erased or have expired."
            )
        for identifier, name, _ in sorted(self.terms.keys, key=lambda one: one[1]):
            yield (
                f"{name}: {self.owners.get(identifier, 0)} of the {self.labelled} entries that "
                "belong to an application."
            )
        views = sorted((set(self.listed) & VIEWS) | stamp_of(self.listed))
        if views:
            yield f"Not judged beyond their digests: {', '.join(views)}."


def stamp_of(files: Iterable[str]) -> set[str]:
    """A time stamp and the checkpoint that it is on, if there is one: both, of one number."""
    found = [(name, STAMP.fullmatch(name)) for name in files]
    pair = {name: match[1] for name, match in found if match}
    return set(pair) if (len(pair), len(set(pair.values()))) == (2, 1) else set()


class Contents:
    """contents.jsonl, in step with the entries."""

    def __init__(self, reader: Reader) -> None:
        self.lines = Shown(reader)

    def check(self, index: int, committed: bytes, in_scope: bool) -> bool:
        """Whether the entry's content is here; raises `Broken` if it should not be so."""
        line = self.lines.ahead()
        if line is None or place_of(line) != index:
            return False
        self.lines.at += 1
        found = CONTENT.fullmatch(line)
        if not found:
            raise Broken(f"entry {index}: its content is malformed")
        if hexlify(hmac_sha256(unhexlify(found[3]), found[1])) != committed:
            raise Broken(f"entry {index}: its content was changed")
        if not in_scope:
            raise Broken(f"entry {index}: its content is outside of the evidence's scope")
        return True

    def passed(self, index: int) -> None:
        """Nothing of entries before `index` may be left."""
        left = self.lines.before(index)
        if left:
            raise Broken(
                f"contents.jsonl is malformed, or has contents of no entry: {len(left)}"
            )

    def end(self) -> None:
        if self.lines.ahead() is not None:
            raise Broken("contents.jsonl has contents of entries that are not here")
        self.lines.reader.close()


def repeated(values: list[int]) -> Iterator[int]:
    """Those of a sorted list that equal the next one."""
    return compress(values, map(operator.eq, values, islice(values, 1, None)))


def of_another_format(manifest: bytes) -> None:
    """Raise `Broken` if it says so itself; whether it is true does not matter then."""
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(manifest)
        if isinstance(said, dict) and said.get("v", VERSION) != VERSION:
            raise Broken("this is another format; get the verifier that came with it")


def generation_of(name: str, log: str) -> str:
    """The generation in a log's name, if both names are of one log; else empty."""
    one, other = (re.fullmatch(r"([^\n]+)/([1-9][0-9]{0,9})", n) for n in (name, log))
    return one[2] if one and other and one[1] == other[1] else ""


def of_one_log(one: LogKey, other: LogKey) -> bool:
    """Whether the public keys are equal, and the names but for their generations."""
    return one[2] == other[2] and bool(one[0] == other[0] or generation_of(one[0], other[0]))


def lines_of(data: bytes) -> list[bytes]:
    """What a line feed, and nothing else, ends; an empty line is one."""
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def names(found: Iterable[str]) -> str:
    """A few file names."""
    return ", ".join(sorted(found)[:5])


def halves(given: bytes | None) -> tuple[bytes | None, bytes | None]:
    """The verifier keys of the first and of the second signature, as they were given."""
    lines = (given or b"").split()
    return (lines[0], lines[1]) if len(lines) == 2 else (given, None)


def jobs_of(words: str | None) -> int:
    """How many processes: as asked, or one for each processor."""
    if words is None:
        return min(os.cpu_count() or 1, JOBS_MAX)
    return max(1, min(int(words), JOBS_MAX)) if words.isdigit() else 1


def demanded(policy: bytes | None) -> list[WitnessPolicy]:
    """The policy that the reader gave, if any."""
    try:
        return [] if policy is None else [WitnessPolicy(policy, "the policy that you gave")]
    except (Broken, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None


def main(arguments: list[str]) -> int:
    """The program; its exit code."""
    path, options = None, {}
    while arguments:
        word = arguments.pop(0)
        if word in ("--key", "--checkpoint", "--policy", "--jobs") and arguments:
            options[word] = arguments.pop(0)
        elif word.startswith("-") or path is not None:
            sys.stderr.write(__doc__)
            return 2
        else:
            path = word
    jobs = jobs_of(options.pop("--jobs", None))
    try:
        given = {}
        for option, file in options.items():
            with Path(file).open("rb") as source:
                given[option] = source.read(SMALL_MAX)
        policies = demanded(given.get("--policy"))
        path = path or str(Path(__file__).resolve().parent)
        files = Folder(path) if Path(path).is_dir() else Archive(path)
    except Broken as error:
        print(f"NOT SOUND: {error}.")
        return 1
    except (Unreadable, OSError) as error:
        print(f"COULD NOT BE CHECKED: {error}.")
        return 2
    verifier = Verifier(files, jobs)
    verifier.policies += policies
    try:
        sound = verifier.run(given.get("--key"), given.get("--checkpoint"))
    except BrokenProcessPool:
        print("COULD NOT BE CHECKED: a process ended early; try again with --jobs 1.")
        return 2
    finally:
        files.close()
    for line in verifier.verdict():
        print(line)
    return 0 if sound else 1


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main(sys.argv[1:]))
