"""One ticket, answered: from the engine's first chunk to the signed receipt."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.vocabulary import Endpoint
from inference.bulletin import PATIENCE, Bulletin
from inference.clearance import ClearanceRefused, Receipt, Ticket, sign
from inference.engines.base import Engine, EngineFailed, EngineRefused
from inference.refusals import Refuser
from inference.relay import Chunk, Failed, Line, Receipted, Refused, Started
from inference.turnstile import Need, Turnstile

_TEMPLATE = 256  # tokens that a model's template may add, and that the cache's blocks round up

_log = structlog.get_logger(__name__)


class _Choice(msgspec.Struct):
    index: int
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int = 0  # an embedding has none


class _Seen(msgspec.Struct):
    """The part of a chunk that a receipt tells of."""

    choices: list[_Choice] = []
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Seen).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers, as receipts say it.

    `weights` is the digest of the model (hex), `adapters` those of its adapters by whole name.
    An adapter's manifest names its base's digest, so the one is proof of the other.
    """

    site: str
    node: str
    key: Ed25519PrivateKey
    weights: str
    adapters: Mapping[str, str] = field(default_factory=dict)

    def digests(self, model: str) -> dict[str, str]:
        """Of the model, which is called `model`, and of its adapters, by name."""
        return {model: self.weights, **self.adapters}

    def digest(self, adapter: str) -> str:
        """Of what answers: the adapter, or the model itself where that is empty."""
        return self.adapters[adapter] if adapter else self.weights


def microseconds() -> int:
    """Since the Unix epoch."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Leave:
    """What says whether a ticket may begin, and what says that it may not."""

    bulletin: Bulletin
    refuser: Refuser


async def answer(
    ticket: Ticket,
    line: Line,
    engine: Engine,
    turns: Turnstile,
    identity: Identity,
    *,
    leave: Leave,
) -> None:
    """Run `ticket` and say on `line` what became of it.

    Whether it may run is asked when it comes, so that it does not wait for nothing, and again
    when its turn has come: by then its version may have been recalled.

    Ends with exactly one `Receipted`, `Refused` or `Failed` frame, or none if cancelled: then
    nobody listens. Raises CancelledError and `OutboxFull`.
    """
    accepted = microseconds()
    try:
        async with asyncio.timeout(ticket.deadline - time.time()):
            await leave.bulletin.permit(ticket, PATIENCE)
            taken = turns.turn(
                ticket.share, batch=ticket.batch, weight=weight(ticket), need=need(ticket)
            )
            async with taken:
                await leave.bulletin.permit(ticket, 0)
                line.put(Started(identity.node))
                receipt = await _streamed(ticket, line, engine, identity, accepted)
        line.put(Receipted(sign(receipt, identity.key)))
    except ClearanceRefused as refusal:
        _log.warning("ticket_refused", reason=refusal.reason, request=ticket.request)
        line.put(Refused(_refused(ticket, refusal, leave.refuser)))
    except TimeoutError:
        line.put(Failed("deadline_exceeded", "The answer was not complete by its deadline."))
    except EngineRefused as error:
        line.put(Failed("engine_refused", str(error), error.param))
    except EngineFailed as error:
        _log.warning("answer_failed", request=ticket.request, attempt=ticket.attempt)
        line.put(Failed("engine_unavailable", str(error)))


def weight(ticket: Ticket) -> int:
    """Slots that its answer takes: one for each choice of each prompt, or text embedded."""
    texts = ticket.body.get("prompt") or ticket.body.get("input")
    return (len(texts) if isinstance(texts, list) else 1) * int(ticket.body.get("n") or 1)


def need(ticket: Ticket) -> Need:
    """Tokens that it needs at most: a token is a byte of the request or more."""
    body = ticket.body
    read = len(_encode(body)) * int(body.get("n") or 1) + _TEMPLATE * weight(ticket)
    if ticket.endpoint == Endpoint.EMBEDDINGS:
        return Need(read, read)
    given = (body.get(name) for name in ("max_completion_tokens", "max_tokens"))
    limit = next((one for one in given if one is not None), None)
    return Need(read, None if limit is None else read + int(limit) * weight(ticket))


def _refused(ticket: Ticket, refusal: ClearanceRefused, refuser: Refuser) -> dict[str, Any]:
    return refuser.signed(
        refusal.reason,
        ticket=ticket.id,
        request=ticket.request,
        attempt=ticket.attempt,
        policy_digest=ticket.policy_digest,
    )


async def _streamed(
    ticket: Ticket, line: Line, engine: Engine, identity: Identity, accepted: int
) -> Receipt:
    started = microseconds()
    finish: dict[int, str] = {}
    usage: _Usage | None = None
    async with contextlib.aclosing(engine.stream(ticket.endpoint, ticket.body)) as chunks:
        async for chunk in chunks:
            line.put(Chunk([chunk]))
            seen = _decode(chunk)
            finish |= {
                choice.index: choice.finish_reason
                for choice in seen.choices
                if choice.finish_reason
            }
            usage = seen.usage or usage
    if usage is None:
        raise EngineFailed("The engine did not say how many tokens it used.")
    return Receipt(
        ticket=ticket.id,
        request=ticket.request,
        attempt=ticket.attempt,
        site=identity.site,
        node=identity.node,
        model=ticket.adapter or ticket.model,
        weights=identity.digest(ticket.adapter),
        engine=engine.name,
        policy_digest=ticket.policy_digest,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        accepted=accepted,
        started=started,
        finished=microseconds(),
        finish_reason=",".join(finish[index] for index in sorted(finish)),
    )
