"""Evidence of a log whose key was rotated: an old key leads to the new, and to no other."""

import json
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from jsonschema import Draft202012Validator

from compliance.audit import checkpoint, handover, journal, rotation
from compliance.audit.copies import Places
from compliance.audit.entry import canonical
from compliance.audit.keys import KEY_BYTES
from compliance.audit.notary import Notary
from compliance.audit.ring import FileRing, public_of, signer_of
from compliance.evidence import bundle, verify
from compliance.evidence.bundle import Scope, export
from compliance.evidence.file import ExportImpossible
from tests.compliance.audit.events import event
from tests.compliance.evidence.conftest import ORIGIN, PUBLIC
from tests.compliance.evidence.packing import KEY, check, contents, pack
from tests.compliance.evidence.packing import resign as resigned_by_the_first
from tests.compliance.evidence.test_browser import judged as on_page
from tests.compliance.evidence.test_browser import opened, told

THIEF = signer_of(bytes([7]) * KEY_BYTES)


class Rotated:
    """The log of `conftest`, its key rotated twice since."""

    def __init__(self, log):
        self.log = log
        self.places = Places(log)
        self.ring = FileRing(log.with_name("keys"))
        self.ring.folder.mkdir(mode=0o700)
        self.ring.path.write_text(KEY.hex() + "\n")
        self.ring.path.chmod(0o600)
        self.keys = [PUBLIC]
        self.entries = [self.rotate(), self.rotate()]
        self.grow(5)

    def grow(self, count):
        with transaction.atomic():
            journal.record("console", [event("a.step", number=n) for n in range(count)])
        self.integrate()

    def integrate(self):
        notary = Notary(self.log, self.ring, ORIGIN)
        while notary.integrate_once():
            pass

    def rotate(self):
        self.grow(20)
        rotation.begin(self.ring, self.places, ORIGIN, actor="anna", reason="Once a year.")
        self.integrate()
        self.keys.append(public_of(self.ring.current()))
        return rotation.recorded()[-1].index

    def vkey(self, number):
        return checkpoint.verifier_key(ORIGIN, self.keys[number]).encode() + b"\n"

    def resign(self, files):
        """As whoever holds the newest key could."""
        files = resigned_by_the_first(dict(files))
        signature = self.ring.current().sign(files["manifest.json"])
        return {**files, "manifest.sig": b64encode(signature) + b"\n"}


@pytest.fixture
def rotated(log):
    return Rotated(log)


@pytest.fixture
def made(rotated, tmp_path):
    def make(begin="0", end=""):
        path = tmp_path / f"evidence-{begin}-{end}.zip"
        path.unlink(missing_ok=True)
        export(Scope(begin, end), path, rotated.log, rotated.ring.current())
        return path

    return make


def rows(files):
    return [json.loads(line) for line in files["rotations.jsonl"].splitlines()]


def packed(values):
    return b"".join(canonical(value) + b"\n" for value in values)


def test_each_key_of_the_log_leads_to_the_one_that_signs(rotated, made):
    first, second = rotated.entries
    ranges = {"inside": ("0", ""), "before": (str(second + 1), ""), "after": ("0", "9")}
    for begin, end in ranges.values():
        path = made(begin, end)
        assert len(rows(contents(path))) == 2
        for number in range(3):
            sound, words = check(path, rotated.vkey(number))
            assert sound, words
            assert f"Rotations of its key: 2, the last at entry {second}" in words
            assert ("is an older one" in words) == (number < 2)
        assert check(path)[0]
    assert first < second


def test_each_line_is_as_its_schema_says(made):
    files = contents(made())
    schema = json.loads(files["schemas/rotations.json"])
    for row in rows(files):
        Draft202012Validator(schema).validate(row)


def test_a_log_whose_key_was_never_rotated_has_no_such_file(evidence):
    assert "rotations.jsonl" not in contents(evidence())


def test_a_strangers_key_leads_nowhere(made):
    key = checkpoint.verifier_key(ORIGIN, public_of(THIEF)).encode()
    sound, words = check(made(), key)
    assert not sound
    assert "signed by another key than the one that you gave" in words


def test_checkpoints_that_were_kept_are_judged_by_the_keys_of_their_sizes(rotated, made):
    path = made()
    state = checkpoint.parse((rotated.log / "bridge-1").read_bytes())
    assert check(path, rotated.vkey(0), (rotated.log / "bridge-1").read_bytes())[0]
    stolen = checkpoint.sign(state, signer_of(KEY))
    sound, words = check(path, rotated.vkey(0), stolen)
    assert not sound
    assert "the checkpoint is not signed by the log's key" in words


def _unsigned(files, rotated):
    """The thief hands the log over to himself."""
    values = rows(files)
    before, after, _ = handover.make(ORIGIN, signer_of(KEY), public_of(THIEF))
    signature = THIEF.sign(handover.message(before, after))
    values[0] |= {"verifier_key": after, "handover": b64encode(signature).decode()}
    return packed(values)


def _skipped(files, rotated):
    return packed(rows(files)[1:])


def _turned(files, rotated):
    return packed(rows(files)[::-1])


def _cut(files, rotated):
    return packed(rows(files)[:1])


def _moved(files, rotated):
    values = rows(files)
    values[0]["index"] -= 1
    return packed(values)


def _unproven(files, rotated):
    values = rows(files)
    return packed([{k: v for k, v in values[0].items() if k != "proof"}, values[1]])


def _another_detail(files, rotated):
    values = rows(files)
    values[0]["detail"]["reason"] = "None."
    return packed(values)


def _another_signature(files, rotated):
    values = rows(files)
    values[0]["handover"] = values[1]["handover"]
    return packed(values)


def _empty(files, rotated):
    return b""


MUTANTS = {
    _unsigned: "is not signed by the key that it puts aside",
    _skipped: "signed by another key than the one that you gave",
    _turned: "do not follow from each other",
    _cut: "does not lead to the key that signed the manifest",
    _moved: "is not in the log",
    _unproven: "is not proven",
    _another_detail: "was changed",
    _another_signature: "is not signed by the key that it puts aside",
    _empty: "does not lead to the key that signed the manifest",
}


def mutants(files, rotated):
    """Changed evidence, signed by the log's newest key, and what is to be said of it."""
    for mutate, words in MUTANTS.items():
        yield rotated.resign(files | {"rotations.jsonl": mutate(files, rotated)}), words
    quiet = {name: data for name, data in files.items() if name != "rotations.jsonl"}
    manifest = json.loads(files["manifest.json"])
    del manifest["files"]["rotations.jsonl"]
    quiet["manifest.json"] = canonical(manifest)
    index = rotated.entries[0]
    words = f"entry {index} rotates the log's key, and rotations.jsonl does not tell of it"
    yield rotated.resign(quiet), words


def test_a_rotation_that_was_changed_or_kept_quiet_is_told(rotated, made, tmp_path):
    for number, (files, wanted) in enumerate(mutants(contents(made()), rotated)):
        path = pack(tmp_path / f"mutant-{number}.zip", files)
        key = rotated.vkey(0) if "rotations.jsonl" in files else None
        sound, words = check(path, key)
        assert not sound, wanted
        assert wanted in words


def test_the_page_says_of_rotated_keys_what_the_program_says(rotated, made, tmp_path):
    files = contents(made())
    good = [made(), made(str(rotated.entries[1] + 1)), made("0", "9")]
    bad = [
        pack(tmp_path / f"mutant-{number}.zip", mutant)
        for number, (mutant, _) in enumerate(mutants(files, rotated))
    ]
    with opened(tmp_path, files) as page:
        for path in (*good, *bad):
            key = rotated.vkey(0) if "rotations.jsonl" in contents(path) else None
            page.get_by_label("Verifier key").fill(key.decode().strip() if key else "")
            verdict, words = on_page(page, path)
            assert verdict == (path in good), words
            assert (verdict, told(words)) == (path in good, told(check(path, key)[1]))
        page.get_by_label("Checkpoint that you kept").set_input_files(rotated.log / "bridge-1")
        page.get_by_label("Verifier key").fill("")
        assert on_page(page, good[0])[0]


def test_a_process_with_a_key_that_was_put_aside_exports_nothing(rotated, tmp_path):
    with pytest.raises(ExportImpossible, match="the key here is an older one"):
        export(Scope(), tmp_path / "no.zip", rotated.log, KEY)


def test_an_export_while_a_rotation_is_under_way_is_signed_by_the_old_key(log, tmp_path):
    rotated = Rotated(log)
    rotation.begin(rotated.ring, rotated.places, ORIGIN, actor="anna", reason="Again.")
    path = tmp_path / "meanwhile.zip"
    export(Scope(), path, log, rotated.ring.current())
    assert check(path, rotated.vkey(0))[0]


def test_the_rotation_is_always_disclosed():
    assert rotation.KEY_ROTATED in bundle.DISCLOSED
    assert set(bundle.DISCLOSED) == verify.DISCLOSED


def test_what_an_old_key_signs_can_be_no_checkpoint_and_no_manifest():
    before, after, _ = handover.make(ORIGIN, signer_of(KEY), public_of(THIEF))
    assert b"\0" in handover.message(before, after)
    assert isinstance(signer_of(KEY), Ed25519PrivateKey)
