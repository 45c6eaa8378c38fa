"""What a verb answers where it does not do what it was asked."""

from __future__ import annotations


class Refused(Exception):
    """Nothing was changed. `field` is the one that is wrong, `message` says how to mend it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
