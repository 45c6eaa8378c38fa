"""What is kept of a request, written down: the prompt as it was asked, the answer as given.

Bodies may hold fractions, which the canonical JSON of the record does not have. So they are
JSON text inside of it.
"""

from __future__ import annotations

import time

import orjson

from compliance.audit import subjects
from compliance.audit.entry import canonical
from compliance.vocabulary import Content, Request, Scan

DAY = 86_400_000_000  # microseconds


def prompt(request: Request, found: Scan, subject_key: bytes | None) -> Content | None:
    """The body before treatment, with where the findings are; None where nothing is kept.

    About the persons that the caller named, and those whose identifiers were found. Raises
    `EntryInvalid` and TypeError for what cannot be written down, and ValueError where content
    is to be kept and there is no key for the subjects' index.
    """
    if not request.application.content_days:
        return None
    if subject_key is None:
        raise ValueError("Content is kept only with a key for the subjects' index.")
    texts = request.segments
    values = [
        (finding.entity, texts[finding.segment].text[finding.start : finding.end])
        for finding in found.findings
    ]
    about = dict.fromkeys((*request.subjects, *subjects.found(subject_key, values)))
    text = {
        "part": "prompt",
        "body": orjson.dumps(request.body).decode(),
        "findings": [
            {
                "pointer": texts[finding.segment].pointer,
                "start": finding.start,
                "end": finding.end,
                "entity": finding.entity,
            }
            for finding in found.findings
        ],
    }
    return Content("prompt", canonical(text), _end(request), tuple(about))


def output(request: Request, choices: bytes, about: tuple[str, ...]) -> Content:
    """What the caller got; `choices` is JSON text."""
    text = canonical({"part": "output", "choices": choices.decode()})
    return Content("output", text, _end(request), about)


def _end(request: Request) -> int:
    """When it expires, in microseconds since 1970."""
    return time.time_ns() // 1000 + request.application.content_days * DAY
