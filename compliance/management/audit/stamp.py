"""`manage.py audit stamp`: time stamps on checkpoints (RFC 3161), by file.

request OUT.tsq     what an authority needs to stamp the newest checkpoint
add FILE.tsr        its answer, checked and kept
show                the newest stamp that is kept, checked again

Run as the user of the notary, to whom the log's folder belongs.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.core.management.base import OutputWrapper

from compliance.audit import stamps
from compliance.audit.authority import StampInvalid, trusted
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.files import LogFolder
from compliance.audit.stamp import REPLY_MAX, Stamp
from compliance.audit.stamp_files import path_of, sizes
from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND, own

HELP = "time stamps on checkpoints by file: ask an authority, add its answer, show the newest"


def add_arguments(parser: ArgumentParser) -> None:
    """What to do, with which file, and of which generation."""
    what = parser.add_subparsers(dest="what", required=True)
    request = what.add_parser("request", help="write the question for an authority (RFC 3161)")
    request.add_argument("file", type=Path, metavar="OUT.tsq")
    add = what.add_parser("add", help="check the authority's answer, and keep it")
    add.add_argument("file", type=Path, metavar="FILE.tsr")
    show = what.add_parser("show", help="check the newest stamp again, and print what it says")
    for one in (request, add, show):
        one.add_argument(
            "--generation", type=int, help="of this generation of the log; else the current"
        )


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Do it."""
    try:
        return ACTIONS[options["what"]](options, out)
    except StampInvalid as error:
        out.write(str(error))
        return UNSOUND


def _request(options: Mapping[str, Any], out: OutputWrapper) -> int:
    generation = options["generation"]
    note, state = own.signed(generation)
    folder = own.folder(generation)
    if state.size in sizes(folder):
        out.write(f"The checkpoint of {state.size} entries has a time stamp already.")
        return IMPOSSIBLE
    asked = stamps.question(folder, note, state.size)
    stamps.ask(folder, asked)
    options["file"].write_bytes(asked.query)
    out.write(
        f"{options['file']}: a question for a time stamp on {state.origin} with {state.size} "
        "entries. Give the answer to `manage.py audit stamp add`."
    )
    return SOUND


def _add(options: Mapping[str, Any], out: OutputWrapper) -> int:
    with options["file"].open("rb") as file:
        reply = file.read(REPLY_MAX + 1)
    folder, mine = _log(options["generation"])
    asked = stamps.answered(folder, reply)
    _say(stamps.keep(folder, asked, reply, mine, _anchors()), asked.size, out)
    return SOUND


def _show(options: Mapping[str, Any], out: OutputWrapper) -> int:
    folder, mine = _log(options["generation"])
    found = sizes(folder)
    if not found:
        out.write("No checkpoint of this generation has a time stamp.")
        return IMPOSSIBLE
    asked, reply = stamps.kept(folder, found[-1])
    _say(stamps.checked(folder, asked, reply, mine, _anchors()), asked.size, out)
    base = folder.root / path_of(asked.size, "")
    out.write(f"files      {base}checkpoint, {base}tsr")
    return SOUND


def _log(
    generation: int | None,
) -> tuple[LogFolder, Callable[[bytes], Checkpoint]]:
    return own.folder(generation), lambda note: own.verified(note, generation)


def _anchors() -> tuple[x509.Certificate, ...]:
    path = settings.DOMICILE.tsa_certificate
    if not path:
        raise StampInvalid(
            "DOMICILE_TSA_CERTIFICATE names no certificate to check a time stamp by: put a PEM "
            "file there with the authority's certificate, or with the one that issued it."
        )
    return trusted(Path(path))


def _say(found: Stamp, size: int, out: OutputWrapper) -> None:
    out.write(f"entries    {size}")
    out.write(f"stamped    {found.time:%Y-%m-%d %H:%M:%S} UTC")
    out.write(f"authority  {found.authority}, certificate until {found.expires:%Y-%m-%d}")


ACTIONS: dict[str, Callable[[Mapping[str, Any], OutputWrapper], int]] = {
    "request": _request,
    "add": _add,
    "show": _show,
}
