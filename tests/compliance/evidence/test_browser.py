"""verify.html in a real browser: it says of good and of bad evidence what verify.py says."""

import json
import random
import zipfile
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

from compliance.audit.entry import canonical
from tests.compliance.evidence.packing import check, contents, pack, replant, resign
from tests.compliance.evidence.test_mutants import mutate
from tests.e2e.conftest import FLAGS, SCREENSHOTS, chromium
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("database")


@contextmanager
def opened(folder, files, width=1280):
    """The page as it lies in the evidence, opened from disk; it may ask for nothing."""
    path = folder / "verify.html"
    path.write_bytes(files["verify.html"])
    complaints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(path.as_uri())
        assert complaints == [path.as_uri()]
        yield page
        browser.close()
    assert [c for c in complaints[1:] if not c.startswith("blob:")] == []


def judged(page, path, timeout=PATIENCE * 1000):
    """Exit code and words, as verify.py would have them."""
    page.get_by_label("Evidence (ZIP)").set_input_files(path)
    page.get_by_role("button", name="Verify").click()
    page.wait_for_selector("#result[data-code]", timeout=timeout)
    first = page.locator("#verdict").inner_text()
    rest = page.locator("#words p").all_text_contents()
    code = int(page.locator("#result").get_attribute("data-code") or 2)
    return code == 0, [first, *rest]


def told(words):
    """The lines, whatever their order."""
    return (
        sorted(words.split("\n"))
        if isinstance(words, str)
        else sorted("\n".join(words).split("\n"))
    )


def line(files, name, number, change):
    lines = files[name].splitlines(keepends=True)
    lines[number : number + 1] = change(lines[number])
    return files | {name: b"".join(lines)}


def swap(files, name, one, other):
    lines = files[name].splitlines(keepends=True)
    lines[one], lines[other] = lines[other], lines[one]
    return files | {name: b"".join(lines)}


def manifest(files, **members):
    said = json.loads(files["manifest.json"]) | members
    return files | {"manifest.json": canonical(said)}


def without(detail):
    return []


def twice(one):
    return [one, one]


MUTANTS = {
    "an entry is gone": lambda f: line(f, "entries.jsonl", 40, without),
    "an entry stands twice": lambda f: line(f, "entries.jsonl", 40, twice),
    "entries change places": lambda f: swap(f, "entries.jsonl", 40, 41),
    "an entry says another time": lambda f: line(
        f, "entries.jsonl", 77, lambda x: [x.replace(b'"time":"2', b'"time":"3')]
    ),
    "an entry is no entry": lambda f: line(
        f, "entries.jsonl", 77, lambda x: [x.replace(b'{"', b'{ "')]
    ),
    "the last entry is cut": lambda f: f | {"entries.jsonl": f["entries.jsonl"][:-30]},
    "a detail is gone": lambda f: line(f, "details.jsonl", 70, without),
    "a detail stands twice": lambda f: line(f, "details.jsonl", 70, twice),
    "details change places": lambda f: swap(f, "details.jsonl", 70, 71),
    "a detail says another number": lambda f: line(
        f, "details.jsonl", 70, lambda x: [x.replace(b'"number":', b'"number":1')]
    ),
    "a detail has another key": lambda f: line(
        f, "details.jsonl", 70, lambda x: [x[:-68] + b"0" * 64 + x[-4:]]
    ),
    "a detail is no text": lambda f: line(
        f, "details.jsonl", 70, lambda x: [x.replace(b"Gr", b"\xff\xfe")]
    ),
    "a line is no detail": lambda f: line(f, "details.jsonl", 70, lambda x: [b"x" + x]),
    "a line is empty": lambda f: line(f, "details.jsonl", 70, lambda x: [b"\n", x]),
    "all details are gone": lambda f: f | {"details.jsonl": b""},
    "a hash of the proof is another": lambda f: (
        f
        | {
            "proof.json": f["proof.json"].replace(
                b'"after":[', b'"after":["' + b"a" * 64 + b'"'
            )
        }
    ),
    "a label key is another": lambda f: (
        f
        | {
            "applications.json": canonical(
                {
                    "applications": [
                        one | {"label_key": "ab" * 32}
                        for one in json.loads(f["applications.json"])["applications"]
                    ]
                }
            )
        }
    ),
    "the checkpoint is another": lambda f: (
        f | {"checkpoint": f["checkpoint"].replace(b"\n3", b"\n2", 1)}
    ),
    "the range is longer": lambda f: manifest(f, end=300),
    "the range begins later": lambda f: manifest(f, begin=1),
    "the counts are others": lambda f: manifest(f, counts={}),
    "the scope is wider": lambda f: manifest(f, scope="all"),
    "the scope has types": lambda f: manifest(f, types=["request.failed"]),
    "the format is another": lambda f: manifest(f, v=4),
    "the format is an older one, with other files": lambda f: (
        {k: v for k, v in manifest(f, v=2).items() if k != "hints"}
    ),
    "nothing must be shown": lambda f: manifest(f, disclosed=[]),
    "a removal that is none": lambda f: f | {"prunings.jsonl": b'{"entry":{}}\n'},
    "hints are others": lambda f: f | {"hints": bytes(len(f["hints"])), "entries.jsonl": b""},
    "a file too many": lambda f: f | {"extra": b"x"},
    "a file is missing": lambda f: {k: v for k, v in f.items() if k != "hints"},
}


def variants(name, files):
    """The mutant, signed by whoever holds the log's key, and in a tree that fits."""
    mutant = MUTANTS[name](files)
    whole = set(mutant) == set(files)
    yield "signed", resign(dict(mutant)) if whole else mutant
    if name.startswith(("an entry", "entries")):
        yield "replanted", replant(dict(mutant))


def test_it_says_of_good_evidence_and_of_every_kind_of_mutant_what_verify_py_says(
    evidence, tmp_path
):
    good = [evidence(), evidence("17", "280"), evidence("0", "", "crm"), evidence("303", "304")]
    files, chance, compared = contents(good[2]), random.Random(5), 0
    with opened(tmp_path, files) as page:
        for path in good:
            sound, words = judged(page, path)
            assert sound, words
            assert told(words) == told(check(path)[1])
        for name in MUTANTS:
            for how, mutant in variants(name, files):
                path = pack(tmp_path / "mutant.zip", mutant)
                sound, words = judged(page, path)
                ours, wanted = check(path)
                assert sound == ours, (name, how)
                assert how == "replanted" or not sound, (name, how)
                if "NOT SOUND" in wanted:
                    assert told(words) == told(wanted), (name, how)
                compared += 1
        for _ in range(8):
            name = chance.choice(["entries.jsonl", "details.jsonl", "checkpoint", "proof.json"])
            path = pack(tmp_path / "any.zip", files | {name: mutate(chance, files[name])})
            assert judged(page, path)[0] == check(path)[0]
    assert compared >= 34


def test_a_key_and_a_checkpoint_of_ones_own_are_held_against_the_evidence(
    evidence, log, tmp_path
):
    path, kept = evidence("0", "200"), tmp_path / "kept"
    files = contents(path)
    kept.write_bytes((log / "checkpoint").read_bytes())
    with opened(tmp_path, files) as page:
        page.get_by_label("Verifier key").fill((log / "verifier-key").read_text().strip())
        page.get_by_label("Checkpoint that you kept").set_input_files(kept)
        sound, words = judged(page, path)
        assert sound, words
        assert not any("Compare it" in line for line in words)
        page.get_by_label("Verifier key").fill("example.org/log/1+00000000+AQ==")
        sound, words = judged(page, path)
        assert not sound
        assert "key" in words[0]


@pytest.mark.parametrize("width", [1280, 390])
def test_it_can_be_used_by_keyboard_and_fits_the_screen(evidence, tmp_path, width):
    path = evidence()
    with opened(tmp_path, contents(path), width) as page:
        page.get_by_label("Evidence (ZIP)").set_input_files(path)
        page.get_by_label("Evidence (ZIP)").focus()
        for _ in range(4):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#result[data-code='0']")
        assert page.evaluate("document.activeElement.id") == "result"
        assert "Checked in" in page.get_by_role("status").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"verify-html-{width}.png", full_page=True)


def test_a_zip_that_was_packed_by_others_is_read_and_a_broken_one_is_not(evidence, tmp_path):
    files = contents(evidence())
    with opened(tmp_path, files) as page:
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            with zipfile.ZipFile(tmp_path / "again.zip", "w", method) as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
            assert judged(page, tmp_path / "again.zip")[0]
        (tmp_path / "no.zip").write_bytes(b"PK nothing")
        sound, words = judged(page, tmp_path / "no.zip")
        assert not sound
        assert "COULD NOT BE CHECKED" in words[0]
