"""POST /v1/privacy/scan: what stands in texts, told to their application and to no model.

Same keys, limits and record as the endpoints that run a model; the texts are kept nowhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from msgspec import Meta, Struct

from compliance import gate
from compliance.detection.processes.examined import Examined
from compliance.gate import Question, Refused
from inference.api import asked
from inference.api.body import CallerGone, parsed
from inference.api.callers import caller
from inference.api.endpoints import BYTES_PER_TOKEN, LONG
from inference.api.errors import APIError, unavailable
from inference.api.http import Exchange
from inference.api.limits import Taken
from inference.api.measures import REQUESTS, RUNNING, SECONDS
from inference.api.plane import Plane
from inference.api.schema import TextPart
from inference.api.subjects import HEADER, subjects

PATH = "/v1/privacy/scan"
TEXTS_MAX = 2048
MANY = 2048  # findings from which an answer is written beside the event loop
PREFIX = "scan-"  # of an answer's id


class ScanRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /v1/privacy/scan. None is what the caller did not say."""

    input: str | Annotated[list[str | TextPart], Meta(min_length=1, max_length=TEXTS_MAX)]
    user: Annotated[str, Meta(max_length=256)] | None = None
    safety_identifier: Annotated[str, Meta(max_length=256)] | None = None


async def answer(plane: Plane, exchange: Exchange) -> None:
    """Answer one request. Raises nothing but cancellation."""
    RUNNING.inc()
    begun = time.monotonic()
    outcome = "refused"
    try:
        question, taken = await _accepted(plane, exchange)
        try:
            await _examined(plane, exchange, question)
        finally:
            plane.limits.settle(taken, taken.tokens)
        outcome = "completed"
    except CallerGone:
        outcome = "cancelled"
    except APIError as error:
        await exchange.error(error)
    finally:
        RUNNING.dec()
        REQUESTS.labels(gate.SCAN, outcome).inc()
        SECONDS.labels(gate.SCAN).observe(time.monotonic() - begun)


async def _accepted(plane: Plane, exchange: Exchange) -> tuple[Question, Taken]:
    """What is asked, by whom, and whether they may now; raises `APIError` and counts it."""
    snapshot, key, application = caller(plane, exchange)
    try:
        content = await exchange.body()
        if len(content) > LONG:
            request = await asyncio.to_thread(_read, content)
        else:
            request = _read(content)
        persons = asked.named(request.user, request.safety_identifier)
        question = Question(
            id=exchange.request,
            application=application,
            api_key=key.prefix,
            texts=_texts(request.input),
            policy=snapshot.policy,
            subjects=subjects(
                plane.subject_key, exchange.values(HEADER.lower().encode()), persons
            ),
            received=gate.now(),
        )
        taken = await plane.limits.take(
            application, question.id, len(content) // BYTES_PER_TOKEN
        )
    except APIError as error:
        plane.rejections.count(key.prefix, error.code or "invalid_request_error")
        raise
    exchange.add_headers(taken.headers)
    return question, taken


def _read(content: bytes) -> ScanRequest:
    return asked.read(parsed(content), ScanRequest)


def _texts(given: str | Sequence[str | TextPart]) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    return tuple(one if isinstance(one, str) else one.text for one in given)


async def _examined(plane: Plane, exchange: Exchange, question: Question) -> None:
    try:
        found = await gate.examine(question, scan=plane.examine, append=plane.append)
    except Refused as error:
        raise unavailable(error.reason, str(error)) from error
    if sum(len(text.findings) for text in found) > MANY:
        content = await asyncio.to_thread(_written, question.id, found)
    else:
        content = _written(question.id, found)
    await exchange.json(200, content)


def _written(request: str, texts: Sequence[Examined]) -> bytes:
    """The answer. Offsets are in code points of the text, and `end` is behind the last."""
    results: list[dict[str, Any]] = [
        {
            "findings": [
                {
                    "entity_type": finding.entity,
                    "category": finding.category.value,
                    "start": finding.start,
                    "end": finding.end,
                    "score": finding.score,
                }
                for finding in text.findings
            ],
            "names_unchecked": text.names_unchecked,
            "languages": sorted(text.languages),
        }
        for text in texts
    ]
    return orjson.dumps({"id": f"{PREFIX}{request}", "results": results})
