"""What a model, an adapter and a queue may be called."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_WORDS = "use a-z, 0-9, dot and hyphen, at most 64 characters."


def queue(site: str, model: str) -> str:
    """The Celery queue for a model or an adapter at a site.

    Raises ValueError for names that cannot be.
    """
    parts(model)
    if not _NAME.fullmatch(site):
        raise ValueError(f"{site!r} cannot name a site: {_WORDS}")
    return f"inference.{site}.{model}"


def parts(name: str) -> tuple[str, str]:
    """The base and the adapter of a model's name; no adapter: an empty string.

    An adapter is called `base:adapter`. Raises ValueError for what cannot be a name.
    """
    base, colon, adapter = name.partition(":")
    for part in (base, adapter) if colon else (base,):
        if not _NAME.fullmatch(part):
            raise ValueError(
                f"{name[:130]!r} cannot name a model: {_WORDS} An adapter is called as in "
                "base:adapter."
            )
    return base, adapter


def folder_name(name: str) -> str:
    """What the folder of a model is called; raises ValueError for what cannot be a name."""
    parts(name)
    return name.replace(":", "+")
