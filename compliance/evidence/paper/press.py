"""Sets one paper: JSON on standard input, the PDF on standard output.

A process of its own, since typst keeps what it once computed: a process that lives long would
grow by some 50 KB for each paragraph, and give nothing back. It reads its template and the
fonts, asks for no network, and says of an error only its kind: the text may be a person's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typst

TEMPLATE = Path(__file__).with_name("page.typ")
REFUSED = 3


def main() -> int:
    """0; or `REFUSED`, with the kind of error on standard error."""
    order = json.load(sys.stdin)
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[order["fonts"]]
    )
    try:
        made = typst.Compiler(
            TEMPLATE.read_bytes(), root=TEMPLATE.parent, font_paths=fonts
        ).compile(
            format="pdf",
            pdf_standards=["a-3a"],
            sys_inputs={"paper": json.dumps(order["paper"])},
            timestamp=order["created"],
        )
    except (RuntimeError, ValueError) as error:
        sys.stderr.write(type(error).__name__)
        return REFUSED
    if not isinstance(made, bytes):
        return REFUSED
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
