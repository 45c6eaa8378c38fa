"""Which request an approval is for: the keyed digest of the canonical request.

It covers the application, the endpoint, whom the request is about, its class, and the whole
body that the model would get before it is treated: model, messages, tools, sampling, bounds.
It does not cover what no model reads: `stream`, `stream_options`, `metadata` and the like.
Keyed, because a plain digest of a text that somebody may guess tells that the guess is right.
"""

from __future__ import annotations

import hmac

import orjson

from compliance.vocabulary import Request

_PURPOSE = b"domicile/hold-binding/1"


def derived(subject_key: bytes) -> bytes:
    """The key of bindings, from the subjects' index key, which lies outside of the database."""
    return hmac.digest(subject_key, _PURPOSE, "sha256")


def binding(key: bytes, request: Request) -> str:
    """HMAC-SHA-256 in lower-case hex; raises TypeError for what JSON cannot hold."""
    canonical = orjson.dumps(
        {
            "application": request.application.id,
            "endpoint": request.endpoint.value,
            "model": request.model,
            "class": request.request_class.value,
            "subjects": sorted(request.subjects),
            "body": request.body,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    return hmac.digest(key, canonical, "sha256").hex()
