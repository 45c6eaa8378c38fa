"""The README.txt of a pack."""

from __future__ import annotations

from collections.abc import Mapping

from compliance.evidence.packs.context import Context

EXPORTED = "pack.exported"


def readme(context: Context, files: Mapping[str, bytes]) -> bytes:
    """README.txt: what each file is, and how to check the numbers elsewhere."""
    reading, law = context.reading, context.law
    covered = f"entries [{reading.begin}, {reading.end}) of {reading.state.size}"
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
        "manifest.json     SHA-256 of each file",
        "",
        "verified  counted from entries of the log that are under its signed checkpoint",
        "officer   typed by a person, who is named; nobody checked it against anything",
        "missing   nobody answered it",
        "",
        f"The log entry of type {EXPORTED} names the SHA-256 of manifest.json.",
        f"Read were {covered} of the log {reading.state.origin}.",
        "To check them without this appliance, ask for evidence of the same entries:",
        f"  manage.py audit export --from {reading.begin} --to {reading.end} evidence.zip",
        "  python3 -I verify.py evidence.zip",
        "",
        f"Source: {source}; read as of {law.as_of.isoformat()}. This is not legal advice.",
        "",
    ]
    return "\n".join(lines).encode()


def _holds(files: Mapping[str, bytes], name: str) -> bool:
    return any(one.startswith(name) for one in files)
