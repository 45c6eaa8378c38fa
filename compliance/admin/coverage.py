"""What the loaded recognisers can find, as far as this process knows.

The web process holds the detectors; it says here where to ask. A process without detectors
(a command, a test) knows nothing, and the console says so instead of guessing.
"""

from __future__ import annotations

from collections.abc import Callable

from compliance.vocabulary import Category

Coverage = frozenset[tuple[Category, str]]

_ask: Callable[[], Coverage] | None = None


def provide(ask: Callable[[], Coverage] | None) -> None:
    """Let `ask` answer what can be found; it must be cheap and callable from any thread."""
    global _ask  # noqa: PLW0603 - one web process, one answer
    _ask = ask


def known() -> Coverage | None:
    """What can be found; None where nobody here knows, or no detector has loaded."""
    return (_ask() or None) if _ask is not None else None
