"""Answers one admitted request, and has its end recorded.

Whatever happens ends in one `Outcome`, which becomes the terminal event after the last byte was
written or refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
import structlog

from compliance.detection.outgoing import Sent
from compliance.gate import Admitted, Outcome
from compliance.policy.rules import Policy
from compliance.vocabulary import Decision, Endpoint
from inference.api import sse
from inference.api.answer import Answer, Choice, Gathered, Malformed
from inference.api.asked import Call
from inference.api.body import CallerGone
from inference.api.chat_answer import ChatAnswer
from inference.api.completion_answer import CompletionAnswer
from inference.api.embedding_answer import EmbeddingAnswer
from inference.api.errors import APIError, engine_failed, invalid
from inference.api.http import Exchange
from inference.api.measures import OF, QUEUE
from inference.api.plane import Plane
from inference.api.screen import Screen, examiner
from inference.clearance import Receipt
from inference.dispatch import AnswerFailed, Cleared, Finished
from inference.routing import Passage

log = structlog.get_logger(__name__)

REFUSED_BY_ENGINE = "engine_refused"


class Answering:
    """Answers one admitted request; owes its terminal event."""

    def __init__(
        self,
        plane: Plane,
        exchange: Exchange,
        *,
        call: Call,
        admitted: Admitted[Cleared],
        passage: Passage,
        begun: float,
        policy: Policy,
    ) -> None:
        """`policy` says what is looked for in the answer, and what does not count."""
        self._plane = plane
        self._exchange = exchange
        self._call = call
        self._admitted = admitted
        self._passage = passage
        self._begun = begun
        self._policy = policy
        self._chunks = 0
        self._finished: Finished | None = None
        self._screen: Screen | None = None
        self._left = False  # whether the caller went before the end
        self._answer = _answer_of(call, admitted)
        self._given: Gathered = self._answer.gathered()  # what the caller got, if that is kept

    async def run(self) -> str:
        """Answer, tell the caller how it went, have the end recorded; gives its kind."""
        outcome = Outcome("failed", {"reason": "internal_error"})
        try:
            outcome = await self._run()
        except asyncio.CancelledError:  # only the server does so, when it must end
            outcome = self._outcome("failed", reason="stopping")
            raise
        finally:
            self._plane.endings.conclude(self._admitted, outcome)
        self._left = outcome.kind == "cancelled"
        return outcome.kind

    def tokens(self, estimate: int) -> int:
        """Tokens to charge: as the receipt says, else at least one for each chunk.

        Vectors come all at once, so that nothing shows how much of them was made for a caller
        who left: it is charged what was estimated.
        """
        if self._finished is not None:
            receipt = self._finished.receipt
            return receipt.prompt_tokens + receipt.completion_tokens
        if self._left and self._call.endpoint is Endpoint.EMBEDDINGS:
            return estimate
        return max(estimate, self._chunks) if self._chunks else 0

    async def _run(self) -> Outcome:
        try:
            async with self._exchange.while_caller_waits():
                await (self._stream() if self._call.stream else self._whole())
        except CallerGone:
            return self._outcome("cancelled", reason="caller_gone")
        except AnswerFailed as error:
            if error.code == "caller_too_slow":
                return self._outcome("cancelled", reason=error.code)
            await self._tell(error)
            return self._outcome("failed", reason=error.code)
        except Malformed as error:
            await self._tell(AnswerFailed("engine_failed", str(error)))
            return self._outcome("failed", reason="engine_malformed")
        except Exception as error:
            log.exception("answer_failed", request=self._admitted.request.id)
            await self._tell(
                AnswerFailed("internal_error", "The appliance failed; see its log.")
            )
            return self._outcome("failed", reason="internal_error", error=type(error).__name__)
        return self._outcome("completed")

    def _outcome(self, kind: str, **why: str) -> Outcome:
        detail: dict[str, Any] = {"chunks": self._chunks, **why}
        if self._finished is not None:
            detail |= self._finished.signed
        if self._screen is not None and self._screen.found:
            detail["answer_findings"] = dict(self._screen.found)
        return Outcome(kind, detail, self._choices())

    @property
    def _keeps(self) -> bool:
        return self._admitted.keeps and self._answer.KEPT

    def _choices(self) -> bytes | None:
        """What the caller got, as JSON text; None where nothing is kept or was given."""
        if not self._keeps or self._given.empty:
            return None
        return orjson.dumps(self._given.choices())

    async def _stream(self) -> None:
        """Server-sent events.

        The head waits for the first chunk, so that a refusing engine still gets a status.
        """
        exchange, answer = self._exchange, self._answer
        no_usage: dict[str, int] | None = (
            {} if self._call.include_usage else None
        )  # `null` on all but the last
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                if not exchange.begun:
                    OF[self._call.endpoint].first_chunk.observe(time.monotonic() - self._begun)
                    self._name_place()
                    await exchange.begin_stream()
                for choices in part:
                    await self._screened(choices)
                chunks = [answer.chunk(choices, no_usage) for choices in part]
                if self._keeps:  # before it is sent: what was given is never more
                    for choices in part:
                        self._given.add(choices)
                await exchange.write(sse.events(chunks))
        if not exchange.begun:
            self._name_place()
            await exchange.begin_stream()
        tail = b""
        if self._call.include_usage:
            tail = sse.events([answer.chunk([], self._usage())])
        await exchange.end(tail + sse.DONE)

    async def _whole(self) -> None:
        gathered = self._answer.gathered()
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                for choices in part:
                    gathered.add(choices)
        self._name_place()
        choices, usage = gathered.choices(), self._usage()
        if (screen := self._screening()) is not None:
            await screen.whole(choices)
        self._given = gathered
        if isinstance(self._answer, EmbeddingAnswer):
            await self._exchange.json_in_parts(self._answer.parts(choices, usage))
        else:
            await self._exchange.json(200, self._answer.completion(choices, usage))

    def _screening(self) -> Screen | None:
        """What looks at the answer, where the decision by which a node began it wants that."""
        obligations, request = self._admitted.decision.obligations, self._admitted.request
        if self._screen is None and obligations.screens and self._answer.KEPT:
            self._screen = Screen(
                examiner(self._plane.scan, self._policy, request.application.name),
                Sent([segment.text for segment in request.segments]),
                obligations,
            )
        return self._screen

    async def _screened(self, choices: list[Choice]) -> None:
        if (screen := self._screening()) is not None:
            await screen.parts(choices)

    def _name_place(self) -> None:
        """Say where the answer comes from and what was decided about it.

        Both may have changed since the request was admitted: a silent node was given up, or a
        newer version of the policy decided anew.
        """
        place, decision = self._admitted.place, self._admitted.decision
        self._name_decision(decision)
        headers = [(b"domicile-site", place.site.encode())]
        if decision.obligations.mark_output:
            headers.append((b"domicile-ai-generated", b"true"))
            self._answer.marks()
        if decision.obligations.review:
            headers.append((b"domicile-human-review", b"required"))
        if (most := self._admitted.max_tokens) is not None:
            headers.append((b"domicile-max-tokens", str(most).encode()))
        self._exchange.add_headers(headers)
        self._answer.comes_from(place.model_digest)

    def _name_decision(self, decision: Decision) -> None:
        self._exchange.add_headers(
            [
                (b"domicile-decision", decision.effect.value.encode()),
                (b"domicile-policy-version", str(decision.version).encode()),
            ]
        )

    async def _parts(self) -> AsyncGenerator[list[list[Choice]], None]:
        """Restored choices: a list for each engine chunk, those of one frame together."""
        follow = self._plane.dispatcher.follow(
            self._admitted,
            append=self._plane.append,
            route=self._passage,
        )
        async with aclosing(follow) as frames:
            async for frame in frames:
                if isinstance(frame, Finished):
                    self._finished = frame
                    self._count(frame.receipt)
                    return
                self._answer.restores(self._admitted.pseudonyms)
                self._answer.withholds(self._admitted.decision.obligations.withhold_reasoning)
                part = await self._choices_of(frame.chunks)
                self._chunks += len(part)
                if part:
                    yield part

    async def _choices_of(self, chunks: list[bytes]) -> list[list[Choice]]:
        """Restored; vectors can be so many that reading them would hold others up."""
        read = self._answer.choices
        if self._call.endpoint is Endpoint.EMBEDDINGS:
            return [await asyncio.to_thread(read, raw) for raw in chunks]
        return [choices for raw in chunks if (choices := read(raw))]

    def _count(self, receipt: Receipt) -> None:
        measured = OF[self._call.endpoint]
        measured.prompt_tokens.inc(receipt.prompt_tokens)
        measured.completion_tokens.inc(receipt.completion_tokens)
        waited = max(0, receipt.started - receipt.accepted) / 1e6
        QUEUE.labels(self._admitted.request.request_class).observe(waited)

    def _usage(self) -> dict[str, int]:
        assert self._finished is not None  # noqa: S101 - asked for after the last frame only
        receipt = self._finished.receipt
        return {
            "prompt_tokens": receipt.prompt_tokens,
            "completion_tokens": receipt.completion_tokens,
            "total_tokens": receipt.prompt_tokens + receipt.completion_tokens,
        }

    async def _tell(self, failure: AnswerFailed) -> None:
        """Tell the caller that there is no (more) answer, if it still listens."""
        error = _as_error(failure)
        try:
            if self._exchange.begun:
                await self._exchange.end(sse.events([error.body()]))
            else:
                if failure.decision is None:
                    self._name_place()
                else:  # no place has to do with it any more
                    self._name_decision(failure.decision)
                await self._exchange.error(error)
        except CallerGone:
            log.info("caller_gone", request=self._admitted.request.id)


def _answer_of(call: Call, admitted: Admitted[Cleared]) -> Answer:
    about: dict[str, Any] = {
        "request": admitted.request.id,
        "model": call.model.name,
        "created": admitted.request.received // 1_000_000,
        "pseudonyms": admitted.pseudonyms,
    }
    if call.endpoint is Endpoint.EMBEDDINGS:
        given = call.body["input"]
        texts = 1 if isinstance(given, str) else len(given)
        return EmbeddingAnswer(texts=texts, floats=call.floats, **about)
    kind = ChatAnswer if call.endpoint is Endpoint.CHAT else CompletionAnswer
    return kind(**about)


def _as_error(failure: AnswerFailed) -> APIError:
    if failure.code == REFUSED_BY_ENGINE:
        return invalid(failure.message, failure.param)
    return engine_failed(failure.code, failure.message)
