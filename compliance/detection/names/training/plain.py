"""Text in which nobody is named, so that the model learns where not to look.

Messages of Django in every language (BSD) and of other programs that the trainer unpacks in a
folder, function words (stopwords-iso, MIT), source code of Python's standard library (PSF
licence), and lines of logs, settings, products, laws and medicines that are made up here.
"""

from __future__ import annotations

import gettext
import json
import random
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import regex

from compliance.detection.names.training.slots import EVERY, Sentence

_UNNAMED = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "ADDRESS", "DATE_TIME"})
_PEOPLE = regex.compile(
    r"(?i)author|written|copyright|contribut|thanks|guido|@|\bby\b|\bmr\b|(?:\p{Lu}\p{Ll}+ ){2}"
)
_PLACES = regex.compile(r"(?i)\.(?:contrib|conf)/(?:gis|locale)|localflavor")


def _django() -> Path:
    """Its folder; nothing of it is loaded."""
    spec = find_spec("django")
    if spec is None or not spec.origin:
        raise FileNotFoundError("Django is not installed; its messages are trained on")
    return Path(spec.origin).parent


_NAMED = regex.compile(
    r"English|Chinese|Django|Wagtail|Oscar|Google|Facebook|Twitter|GitHub|Microsoft|Gravatar"
)


def messages(language: str, more: Path | None = None) -> Iterator[Sentence]:
    """What Django, and the programs unpacked in a folder, say in a language.

    Names of languages and regions in it are left out.
    """
    seen: set[str] = set()
    folders = [_django(), *([more] if more else [])]
    for path in sorted(path for folder in folders for path in folder.rglob("*.mo")):
        if path.parts[-3].split("_")[0] != language:
            continue
        with path.open("rb") as file:
            catalogue = vars(gettext.GNUTranslations(file))["_catalog"]
        for key, text in catalogue.items():
            if not key or not isinstance(text, str) or text in seen or len(text) < 4:
                continue
            seen.add(text)
            source = key[0] if isinstance(key, tuple) else key
            if len(source.split()) == 1 and source[0].isupper() and len(source) > 3:
                continue  # "German", "March"
            if _NAMED.search(source) is None:
                yield Sentence(language, regex.sub(r"<[^>]{1,80}>", "", text), (), EVERY, 0.5)


def function_words(language: str, more: Path, rng: random.Random) -> Iterator[Sentence]:
    """Function words in a row, the first with a capital: no sentence, but how one begins."""
    (path,) = more.rglob("stopwords-iso.json")
    words = [
        word for word in json.loads(path.read_text("utf-8")).get(language, []) if word.isalpha()
    ]
    for _ in range(min(1_200, 6 * len(words))):
        row = rng.choices(words, k=rng.randint(3, 9))
        yield Sentence(
            language, " ".join(row).capitalize() + rng.choice(".,:?! "), (), EVERY, 0.5
        )


def source_code(pieces: int, rng: random.Random) -> Iterator[Sentence]:
    """Pieces of source code, of 2 to 12 lines."""
    library = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(library.glob("*.py")) + sorted(library.glob("*/*.py"))
    paths = [
        path for path in paths if "site-packages" not in path.parts and "test" not in path.parts
    ]
    for _ in range(pieces):
        lines = rng.choice(paths).read_text("utf-8", "ignore").splitlines()
        if len(lines) < 20:
            continue
        at = rng.randrange(len(lines) - 12)
        chosen = lines[at : at + rng.randint(2, 12)]
        text = "\n".join(line[:200] for line in chosen if not _PEOPLE.search(line)).strip("\n")
        if len(text) > 20:
            yield Sentence("code", text, (), _UNNAMED)


_WORDS = (
    "user order invoice payment session request timeout cache token backup queue worker index "
    "deploy build cluster node pod container service gateway auth config update status report"
).split()
_PRODUCTS = (
    "iPhone 15 Pro|Windows 11|Excel|PowerPoint|Outlook|Kubernetes|Docker|PostgreSQL|Python 3.12|"
    "JavaScript|TypeScript|React|Linux|Ubuntu 24.04|Android|Galaxy S24|PlayStation 5|Xbox|Golf GTI|"
    "Word|Photoshop|ChatGPT|Llama 3|Mistral|GPT-4|Debian|Jenkins|Terraform|Ansible|Redis|Kafka|"
    "Bluetooth|Wi-Fi 6|USB-C|HDMI|GeForce RTX 4090|Raspberry Pi 5|Model 3|Thermomix|Nespresso|"
    "Grafana|Prometheus|Visual Studio Code|IntelliJ|Selenium|Jupyter|Pandas|NumPy|Spring Boot"
).split("|")
_MEDICINES = (
    "Ibuprofen|Paracetamol|Metformin|Ramipril|Aspirin|Amoxicillin|Omeprazol|Pantoprazol|Bisoprolol|"
    "Simvastatin|Atorvastatin|L-Thyroxin|Insulin glargin|Marcumar|Eliquis|Xarelto|Humira|Ozempic|"
    "Prednisolon|Diclofenac|Tramadol|Novalgin|Citalopram|Sertralin|Lorazepam|Furosemid|Torasemid|"
    "Candesartan|Amlodipin|Metoprolol|Salbutamol|Cortison|Penicillin|Doxycyclin|Ciprofloxacin"
).split("|")
_LAWS = (
    "§ {n} BGB|§§ {n}, {m} StGB|Art. {n} DSGVO|Art. {n} GDPR|Article {n} of the Convention|"
    "Regulation (EU) 2016/{n}|Directive 95/46/EC|art. {n} C.c.|artículo {n} del Código Civil|"
    "article {n} du Code civil|čl. {n} odst. {f}|art. {n} ust. {f} k.p.c.|§ {n} odst. {f} zákona|"
    "Richtlinie 2011/83/EU|BGHZ {n}, {m}|Az. {f} U {n}/19|C-{n}/14|{n} U.S.C. § {m}|{n} §|"
    "Verordnung (EG) Nr. {n}/2008|BT-Drs. 19/{n}|ley {n}/2015|decreto legislativo {n}/2003|DIN EN {n}|"
    "ISO {n}:2018|RFC {n}|PN-EN {n}|ICD-10 E{f}1.9|CVE-2024-{n}|SGB V § {n}|Zákon č. {n}/2000 Sb."
).split("|")
_LOGS = (
    "{d} {t} INFO {w}: {w} {w} finished in {n} ms",
    "{d}T{t}Z ERROR [{w}-{n}] {W}Exception: {w} {w} not found (code {m})",
    "[{t}] WARN {w}.{w}.{W}{W} - retry {f} of 5",
    "GET /api/v{f}/{w}s/{n} HTTP/1.1 {m} {n}",
    '{{"level": "info", "{w}_id": {n}, "{w}": "{w}", "ok": true}}',
    "{w}_{w} = {n}\n{w}_{w} = '{w}-{w}'",
    'level=error msg="{w} {w} failed" {w}={n}',
    "SELECT {w}_id, {w} FROM {w}s WHERE {w} = {n} ORDER BY {w};",
    'Traceback (most recent call last):\n  File "/app/{w}/{w}.py", line {n}, in {w}_{w}\n{W}Error: {w} {n}',
    "- name: {w}\n  image: registry.local/{w}:{f}.{f}\n  replicas: {f}",
    "Order no. {n}-{m}, article {W}-{n}, quantity {f}",
    "SKU {W}{n} | EAN 40{n}{m} | {f},{f} EUR",
    "const {w}{W} = await {w}.get{W}({n});",
    "public class {W}{W} extends {W}<{W}> {{",
    "#!/bin/bash\nset -e\n{w} --{w}={n} | grep {w}",
    "commit {n}{w}: Fix {w} in {W}{W}",
)
_ABOUT = (
    "{x} und {y} im Vergleich", "Was kostet {x}?", "What is the difference between {x} and {y}?",
    "How do I install {x} on {y}?", "{x} 500 mg 1-0-1", "Explain {x} to a beginner", "{x}, {y}, {z}",
    "Comment fonctionne {x} ?", "¿Qué es {x}?", "Cos'è {x}?", "Wie funktioniert {x}?", "- {x}\n- {y}\n- {z}",
    "Jak działa {x}?", "Is {x} better than {y}?", "Update {x} to the latest version.", "vgl. {x}",
    "Laut {x} gilt das auch hier.", "{x} {n} Stück", "see {x} and {y}", "podle {x}", "zgodnie z {x}",
    "Medikation: {x} {n} mg, {y} {f}-0-{f}", "gemäß {x} in Verbindung mit {y}", "selon {x}", "{x} (v{f}.{f})",
)  # fmt: skip


def made_up(pieces: int, rng: random.Random) -> Iterator[Sentence]:
    """Logs, settings, queries, products, medicines and laws."""
    for _ in range(pieces):
        if rng.random() < 0.5:
            text = "\n".join(_filled(rng.choice(_LOGS), rng) for _ in range(rng.randint(1, 4)))
            # A time in a log is a date to some and none to others: neither is taught.
            yield Sentence("code", text, (), _UNNAMED - {"DATE_TIME"})
        else:
            of = rng.choice((_PRODUCTS, _MEDICINES, _LAWS))
            text = rng.choice(_ABOUT)
            for slot in "xyz":
                text = text.replace("{" + slot + "}", rng.choice(of))
            # Who makes a product may be called an organisation.
            yield Sentence(
                "code", _filled(text, rng), (), _UNNAMED - {"ORGANIZATION", "DATE_TIME"}
            )


def _filled(text: str, rng: random.Random) -> str:
    result = text.replace("{{", "{").replace("}}", "}")
    draws: Mapping[str, Callable[[], str]] = {
        "{n}": lambda: str(rng.randint(1, 10 ** rng.randint(1, 5))),
        "{m}": lambda: str(rng.randint(100, 999)),
        "{f}": lambda: str(rng.randint(0, 9)),
        "{w}": lambda: rng.choice(_WORDS),
        "{W}": lambda: rng.choice(_WORDS).capitalize(),
        "{d}": lambda: (
            f"20{rng.randint(10, 29)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        ),
        "{t}": lambda: (
            f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
        ),
    }
    for slot, draw in draws.items():
        while slot in result:
            result = result.replace(slot, draw(), 1)
    return result


def everything(rng: random.Random) -> Iterator[Sentence]:
    """All of this module that is in no language."""
    yield from source_code(2_500, rng)
    yield from made_up(5_000, rng)
