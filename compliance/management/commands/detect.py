"""`manage.py detect FILE`: what stands in a text. No appliance needs to run."""

from __future__ import annotations

import io
import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from compliance.detection.own import PatternRefused
from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND
from compliance.management.detection.examiner import Examiner
from compliance.management.detection.lines import InputRefused, Source, batches
from compliance.management.detection.whole import Places, decoded, windows
from compliance.management.policy.reading import policy
from compliance.policy.rules import PolicyRefused
from compliance.vocabulary import DetectionFailed, Finding

REFUSED = (InputRefused, PolicyRefused, PatternRefused, DetectionFailed)


class Command(BaseCommand):
    """Personal data, payment data and credentials in a file, as requests are examined."""

    help = (
        "Find personal data, payment data and credentials in a text (UTF-8), as in a prompt. "
        "Needs no running appliance, no database and no network. Places are counted in Unicode "
        "code points of the input. Exit codes: 0 examined, 1 something was found and "
        "--exit-code is given, 2 could not be done."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is read, how it is told, and what counts."""
        parser.add_argument("file", metavar="FILE", help="a text; - for standard input")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print one JSON object")
        form.add_argument(
            "--jsonl",
            action="store_true",
            help='read one {"text": …} a line, print one {"findings": […]} for each',
        )
        form.add_argument(
            "--values", action="store_true", help="print what was found too, not only where"
        )
        parser.add_argument(
            "--policy",
            type=Path,
            help="a policy (JSON or YAML) whose own entities are looked for besides, and whose "
            "exceptions do not count",
        )
        parser.add_argument(
            "--application",
            default="",
            help="as which application, where the policy's exceptions name some",
        )
        parser.add_argument(
            "--exit-code", action="store_true", help="end with 1 if anything is found"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Examine it, and end with the exit code that says how it went."""
        name = "standard input" if options["file"] == "-" else options["file"]
        try:
            code = self._examine(options)
        except REFUSED as error:
            about = options["policy"] if isinstance(error, PolicyRefused) else name
            self.stdout.flush()
            self.stderr.write(f"{about}: {error}.")
            code = IMPOSSIBLE
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            self.stderr.write(f"{error.filename or name}: {error.strerror}.")
            code = IMPOSSIBLE
        if code:
            sys.exit(code)

    def _examine(self, options: Mapping[str, Any]) -> int:
        with ExitStack() as stack:
            source = _source(options["file"], stack)
            defined = policy(options["policy"]) if options["policy"] else None
            examiner = Examiner(defined, options["application"])
            if options["jsonl"]:
                found = self._lines(examiner, source)
            elif options["json"]:
                found = self._object(examiner, source)
            else:
                found = self._places(examiner, source, values=options["values"])
        return UNSOUND if found and options["exit_code"] else SOUND

    def _lines(self, examiner: Examiner, source: Source) -> int:
        total = 0
        for batch in batches(source):
            try:
                found = examiner.each(batch.texts)
            except DetectionFailed as failure:
                last = batch.first + len(batch.texts) - 1
                raise DetectionFailed(f"lines {batch.first} to {last}: {failure}") from None
            for one in found:
                told = {"findings": [_value(finding) for finding in one.findings]}
                self.stdout.write(json.dumps(told))
                total += len(one.findings)
            self.stdout.flush()
        return total

    def _object(self, examiner: Examiner, source: Source) -> int:
        total, unchecked, languages = 0, False, set[str]()
        self.stdout.write('{"findings": [', ending="")
        for _, found in examiner.along(windows(decoded(source))):
            for one in found.findings:
                self.stdout.write(f"{',' if total else ''}\n ", ending="")
                self.stdout.write(json.dumps(_value(one)), ending="")
                total += 1
            unchecked = unchecked or found.names_unchecked
            languages |= found.languages
        about = {"names_unchecked": unchecked, "languages": sorted(languages)}
        self.stdout.write(f"\n], {json.dumps(about)[1:]}")
        return total

    def _places(self, examiner: Examiner, source: Source, *, values: bool) -> int:
        kinds: Counter[str] = Counter()
        places, unchecked = Places(), False
        for window, found in examiner.along(windows(decoded(source))):
            for one in found.findings:
                line, column = places.of(window, one.start)
                value = window.text[one.start - window.offset : one.end - window.offset]
                shown = f"  {json.dumps(value, ensure_ascii=False)}" if values else ""
                self.stdout.write(
                    f"{line}:{column}  {one.entity}  ({one.category}, {one.end - one.start} "
                    f"characters from {one.start}, score {one.score:.2f}){shown}"
                )
            places.of(window, window.last)
            kinds.update(one.entity for one in found.findings)
            unchecked = unchecked or found.names_unchecked
        for words in _summed(kinds, unchecked=unchecked):
            self.stdout.write(words)
        return kinds.total()


def _source(name: str, stack: ExitStack) -> Source:
    if name == "-":
        if isinstance(sys.stdin.buffer, io.BufferedReader):
            return sys.stdin.buffer
        return io.BytesIO(sys.stdin.buffer.read())
    return stack.enter_context(Path(name).open("rb"))


def _value(one: Finding) -> dict[str, Any]:
    return {
        "entity_type": one.entity,
        "category": str(one.category),
        "start": one.start,
        "end": one.end,
        "score": round(one.score, 4),
    }


def _summed(kinds: Counter[str], *, unchecked: bool) -> Iterator[str]:
    if kinds:
        each = ", ".join(f"{count} {entity}" for entity, count in sorted(kinds.items()))
        yield f"{kinds.total()} found: {each}."
    else:
        yield "Nothing was found."
    if unchecked:
        yield "Names were not checked in a part whose language the model does not know."
