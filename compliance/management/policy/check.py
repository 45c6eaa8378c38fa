"""`manage.py policy check`: policies as code. Needs no database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND
from compliance.management.policy.reading import KNOWN, policy
from compliance.policy.checks import Fault, faults
from compliance.policy.rules import PolicyRefused
from compliance.versions import own

HELP = "check policies in files, as in continuous integration; no database is asked"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a file. `digest` is empty where it is no policy."""

    path: Path
    digest: str
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        """Whether it could be proposed."""
        return not any(one.blocking for one in self.faults)


def add_arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="FILE",
        type=Path,
        help="a policy in JSON or YAML, or a folder of them",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Read each, and say what is wrong with it and where."""
    files = list(_files(options["paths"]))
    if not files:
        out.write(f"No file there ends in one of {', '.join(sorted(KNOWN))}.")
        return IMPOSSIBLE
    found = [_checked(path) for path in files]
    if options["json"]:
        out.write(json.dumps([_value(one) for one in found], indent=1, ensure_ascii=False))
    else:
        for one in found:
            _say(one, out)
    return SOUND if all(one.sound for one in found) else UNSOUND


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file())
            yield from (one for one in inside if one.suffix.lower() in KNOWN)
        else:
            yield path


def _checked(path: Path) -> Checked:
    try:
        read = policy(path)
    except PolicyRefused as error:
        return Checked(path, "", (Fault("", str(error), blocking=True),))
    return Checked(path, read.digest, (*faults(read), *own.faults(read)))


def _say(one: Checked, out: OutputWrapper) -> None:
    out.write(f"{one.path}: {'sound' if one.sound else 'NOT sound'}")
    for fault in one.faults:
        at = f"{fault.at}: " if fault.at else ""
        out.write(f"    {'' if fault.blocking else 'note: '}{at}{fault.words}")


def _value(one: Checked) -> dict[str, Any]:
    return {
        "file": str(one.path),
        "sound": one.sound,
        "digest": one.digest,
        "faults": [
            {"at": fault.at, "words": fault.words, "blocking": fault.blocking}
            for fault in one.faults
        ],
    }
