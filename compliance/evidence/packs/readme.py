"""The README.txt of a pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compliance.audit.files import CHECKPOINT
from compliance.evidence import witnessed
from compliance.evidence.packs.context import Context
from compliance.evidence.packs.reading import Reading

EXPORTED = "pack.exported"
_WITNESSED = {
    "/cosigned": "log/<n>/cosigned  the newest checkpoint that enough witnesses cosigned",
    witnessed.FILE: "witness-policy    which witnesses are enough (C2SP tlog-policy)",
}


def readme(context: Context, files: Mapping[str, bytes]) -> bytes:
    """README.txt: what each file is, and how to check the numbers elsewhere."""
    reading, law = context.reading, context.law
    source = f"{law.regulation.number}, {law.regulation.eli}"
    lines = [
        f"{law.title} ({law.form})",
        "",
        "pack.pdf          to read; signed by the appliance (PAdES)",
        "certificate.pem   the certificate that signed it",
        "pack.json         the same for machines: each field with its value, its origin, the",
        "                  entries of the log that it rests on, or who typed it and when",
        "pack.schema.json  describes pack.json (JSON Schema, draft 2020-12)",
        *(f"{name:<16}  {words}" for name, words in law.files.items() if _holds(files, name)),
        "log/<n>/checkpoint  what the log signed in its generation n, and who cosigned it",
        *(words for name, words in _WITNESSED.items() if any(name in one for one in files)),
        "manifest.json     SHA-256 of each file",
        "",
        "verified  counted from entries of the log that are under its signed checkpoint",
        "unproven  counted likewise, for an application whose registration is not under it",
        "officer   typed by a person, who is named; nobody checked it against anything",
        "missing   nobody answered it",
        "",
        f"The log entry of type {EXPORTED} names the SHA-256 of manifest.json.",
        *_checking(reading),
        "",
        f"Source: {source}; read as of {law.as_of.isoformat()}. This is not legal advice.",
        "",
    ]
    return "\n".join(lines).encode()


def _checking(reading: Reading) -> Iterator[str]:
    """What was read, and how to check it elsewhere."""
    for one in reading.generations:
        yield (
            f"Read were entries [{one.begin}, {one.end}) of {one.state.size} of the log "
            f"{one.state.origin}."
        )
    yield from reading.words
    if reading.read:
        yield "To check them without this appliance, ask for evidence of the same entries:"
    policy = f" --policy {witnessed.FILE}" if reading.policy else ""
    for number, begin, end in reading.read:
        asked = f"--generation {number} --from {begin} --to {end}"
        yield f"  manage.py audit export {asked} evidence-{number}.zip"
        kept = f"--checkpoint log/{number}/{CHECKPOINT}"
        yield f"  python3 -I verify.py evidence-{number}.zip {kept}{policy}"


def _holds(files: Mapping[str, bytes], name: str) -> bool:
    return any(one.startswith(name) for one in files)
