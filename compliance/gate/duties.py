"""What a decision obliges to: less kept, shorter answers, and none that would tell too much.

The model that is asked for was decided on by the policy itself; that an answer is marked, or
that a person must look at it, is for whoever hands it over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compliance.vocabulary import Decision, Effect, Endpoint, Facts, Obligations, Request

MAX_TOKENS = "max_tokens"
EMBEDDED = "input"  # what only the body of a request for vectors has
NOT_APART = (
    "The policy withholds the model's reasoning, which cannot be told apart from what it "
    "writes here; ask in a chat (/v1/chat/completions)."
)


def kept_for(request: Request, obligations: Obligations) -> Request:
    """The request with no more days of keeping than the policy grants it."""
    days, application = obligations.content_days, request.application
    if days is None or days >= application.content_days:
        return request
    return replace(request, application=replace(application, content_days=days))


def tellable(decision: Decision, request: Request, facts: Facts) -> Decision:
    """The decision, or a block where the answer would hold reasoning that is to be withheld.

    Engines tell the reasoning of a model apart in chats only: after a prompt it is a part of
    the text.
    """
    withheld = decision.obligations.withhold_reasoning and facts.serving.reasons
    if request.endpoint is not Endpoint.COMPLETIONS or not withheld:
        return decision
    if decision.effect is Effect.BLOCK:
        return decision
    return replace(decision, effect=Effect.BLOCK, reasons=(*decision.reasons, NOT_APART))


def bounded(body: Mapping[str, Any], obligations: Obligations) -> Mapping[str, Any]:
    """The body with no longer an answer than the policy grants, each choice by itself.

    Who asks for vectors gets no text that could be shorter.
    """
    most = obligations.max_tokens
    if most is None or EMBEDDED in body or body.get(MAX_TOKENS, most + 1) <= most:
        return body
    return {**body, MAX_TOKENS: most}


def lowered(asked: Mapping[str, Any], given: Mapping[str, Any]) -> int | None:
    """The bound of `given` in tokens, where it is another than that of `asked`."""
    most: int | None = given.get(MAX_TOKENS)
    return None if most == asked.get(MAX_TOKENS) else most
