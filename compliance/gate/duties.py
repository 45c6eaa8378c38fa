"""What a decision obliges to: less kept, and shorter answers.

The model that is asked for was decided on by the policy itself; that an answer is marked, or
that a person must look at it, is for whoever hands it over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compliance.vocabulary import Obligations, Request

MAX_TOKENS = "max_tokens"
EMBEDDED = "input"  # what only the body of a request for vectors has


def kept_for(request: Request, obligations: Obligations) -> Request:
    """The request with no more days of keeping than the policy grants it."""
    days, application = obligations.content_days, request.application
    if days is None or days >= application.content_days:
        return request
    return replace(request, application=replace(application, content_days=days))


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
