"""Why a folder, a bundle or a file of them does not become a model."""

from __future__ import annotations


class ImportRefused(Exception):
    """Nothing was registered. The message says at what, and what to do.

    `file` is a path inside the folder, or empty; `reason` is a word for the record: `pickle`,
    `code`, `link`, `format`, `incomplete`, `changed`, `too_large`, `licence`, `base`,
    `options`, `name`, `signature`, `manifest` or `disk`.
    """

    def __init__(self, reason: str, message: str, file: str = "") -> None:
        super().__init__(printable(message))
        self.reason = reason
        self.file = printable(file)


def printable(name: str) -> str:
    """`name`, with numbers for what is no text: a file may be called by any bytes."""
    return name.encode("utf-8", "backslashreplace").decode()
