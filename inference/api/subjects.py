"""Whom a request is about, as the caller says: never kept in clear.

The header `Domicile-Subject` (repeatable) and OpenAI's `user` and `safety_identifier` become
HMAC-SHA-256 under the subject-index key, by which a person's requests can be found again.
"""

from __future__ import annotations

from collections.abc import Iterable

from compliance.audit.subjects import blind
from inference.api.errors import invalid

SUBJECTS_MAX = 16
SUBJECT_BYTES_MAX = 256
HEADER = "Domicile-Subject"


def subjects(key: bytes, headers: Iterable[bytes], persons: Iterable[str]) -> tuple[str, ...]:
    """The index values of all named subjects, each once; raises `APIError` (400)."""
    named: list[str] = []
    for value in headers:
        try:
            text = value.decode().strip()
        except UnicodeDecodeError:
            raise invalid(f"The header {HEADER} is not UTF-8.", HEADER) from None
        if not text or len(value) > SUBJECT_BYTES_MAX:
            raise invalid(
                f"The header {HEADER} must hold 1 to {SUBJECT_BYTES_MAX} bytes.", HEADER
            )
        named.append(text)
    named += persons
    if len(named) > SUBJECTS_MAX:
        raise invalid(f"At most {SUBJECTS_MAX} subjects may be named.", HEADER)
    return tuple(dict.fromkeys(blind(key, name) for name in named))
