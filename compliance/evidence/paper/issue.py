"""A paper as it is handed out: set and signed."""

from __future__ import annotations

from compliance.evidence.paper.certificate import Signer
from compliance.evidence.paper.page import Paper, printed


def issued(paper: Paper, signer: Signer) -> bytes:
    """The PDF, signed; raises `PaperImpossible`."""
    # 50 MB that a web process needs none of until somebody asks for a PDF.
    from compliance.evidence.paper.signature import signed  # noqa: PLC0415

    return signed(printed(paper), signer)
