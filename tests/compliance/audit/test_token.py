"""The log's key on a token: SoftHSM2, where it is installed."""

import shutil
import subprocess
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from appliance import diagnosis
from compliance.audit import checkpoint, journal, rotation
from compliance.audit.keys import KeyUnusable
from compliance.audit.notary import Notary
from compliance.audit.ring import FileRing
from compliance.audit.token import Place, Token, TokenAway
from tests.compliance.audit.events import event
from tests.compliance.audit.test_rotation import ORIGIN, Log, signed_by
from tests.compliance.evidence.packing import check
from tests.foreign.summary import MARK
from tests.services.waiting import wait_until

pytestmark = pytest.mark.usefixtures("database")

MODULES = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
]
PIN = "582913"


class Hsm:
    """SoftHSM's tokens in a folder, which can be taken away and put back."""

    def __init__(self, folder, module):
        self.folder, self.module = folder, module
        folder.mkdir()
        self.tokens = folder / "tokens"
        self.tokens.mkdir()
        self.config = folder / "softhsm2.conf"
        self.config.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\n"
            "log.level = ERROR\n"
        )
        self.pin = folder / "pin"
        self.write(PIN)

    def write(self, pin, mode=0o600):
        self.pin.write_text(pin + "\n")
        self.pin.chmod(mode)

    def make(self):
        command = ["softhsm2-util", "--init-token", "--free", "--label", "domicile"]
        subprocess.run(
            [*command, "--so-pin", PIN, "--pin", PIN],
            env={"SOFTHSM2_CONF": str(self.config), "PATH": "/usr/bin:/bin"},
            check=True,
            capture_output=True,
        )

    def take_away(self):
        self.tokens.rename(self.folder / "gone")
        self.tokens.mkdir()

    def put_back(self):
        shutil.rmtree(self.tokens)
        (self.folder / "gone").rename(self.tokens)

    @property
    def place(self):
        return Place(str(self.module), "domicile", "domicile-log", self.pin)

    def token(self):
        return Token(self.place)


@pytest.fixture
def hsm(tmp_path, monkeypatch):
    module = next((path for path in MODULES if path.exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip(f"{MARK}SoftHSM2: apt-get install softhsm2")
    hsm = Hsm(tmp_path / "hsm", module)
    monkeypatch.setenv("SOFTHSM2_CONF", str(hsm.config))
    hsm.make()
    return hsm


@pytest.fixture
def log(tmp_path, hsm):
    log = Log(tmp_path)
    log.ring = FileRing(log.ring.folder, hsm.token())
    log.grow()
    return log


def to_token(log):
    one = rotation.begin(
        log.ring, log.places, ORIGIN, actor="anna", reason="A token.", on_token=True
    )
    log.integrate()
    assert rotation.done(log.ring, one)
    return one


def names(log):
    return sorted(path.name for path in log.ring.folder.iterdir())


@pytest.mark.database
def test_the_log_goes_on_with_a_key_on_a_token_and_back(log):
    first = log.public
    one = to_token(log)
    assert names(log) == ["log.pkcs11"]
    assert signed_by((log.places.log / "bridge-1").read_bytes(), first)
    log.grow()
    assert signed_by(log.checkpoint, one.new)
    again = to_token(log)
    assert again.new != one.new
    assert log.ring.token.find(one.new) is None
    log.grow()
    last = log.rotate()
    assert names(log) == ["log.ed25519"]
    assert log.ring.token.find(again.new) is None
    log.grow()
    assert signed_by(log.checkpoint, last.new)
    for key in (first, one.new, again.new, last.new):
        log.sound(key)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_successor_of_the_other_kind_that_was_never_recorded_is_destroyed(log, wanted):
    left = log.ring.prepare(on_token=not wanted)
    waiting = log.ring.waiting if wanted else log.ring.pointer_waiting
    content = waiting.read_bytes().strip()
    with waiting.open("rb") as held:  # keeps the blocks, as a disk does
        one = rotation.begin(
            log.ring, log.places, ORIGIN, actor="anna", reason="Another.", on_token=wanted
        )
        assert not wanted or content not in held.read()
    assert one.new != left
    waits = "log.pkcs11.next" if wanted else "log.ed25519.next"
    assert names(log) == ["log.ed25519", waits]
    assert log.ring.token.find(left) is None
    log.integrate()
    assert log.public == one.new
    log.sound()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_rotation_to_the_other_kind_of_key_that_is_on_the_record_is_refused(log, wanted):
    def begin(on_token):
        return rotation.begin(
            log.ring, log.places, ORIGIN, actor="anna", reason="Now.", on_token=on_token
        )

    one = begin(not wanted)
    with pytest.raises(rotation.RotationRefused, match="on the record already"):
        begin(wanted)
    assert begin(not wanted) == one
    log.integrate()
    assert log.public == one.new


def test_a_key_on_a_token_cannot_be_read_from_it(hsm):
    import pkcs11  # noqa: PLC0415 - an extra

    held = hsm.token()
    public = held.make()
    session = held._session
    (key,) = held._objects(session, "PRIVATE_KEY", public)
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        key[pkcs11.Attribute.VALUE]
    assert hsm.token().sign(public, b"a note")


def test_a_token_that_goes_is_waited_for(log, hsm):
    one = to_token(log)
    size = checkpoint.parse(log.checkpoint).size
    stop = threading.Event()
    notary = Notary(log.places.log, log.ring, ORIGIN, log.places.outside)
    thread = threading.Thread(target=notary.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: notary._signed > size, "the notary's own start is signed")
        size = notary._signed
        hsm.take_away()
        record()
        wait_until(lambda: log.ring.token._session is None, "the token is missed")
        assert checkpoint.parse(log.checkpoint).size == size
        assert thread.is_alive()
        hsm.put_back()
        wait_until(lambda: checkpoint.parse(log.checkpoint).size > size, "it signs again")
    finally:
        stop.set()
        thread.join()
    assert signed_by(log.checkpoint, one.new)
    log.sound()


def record():
    with transaction.atomic():
        journal.record("console", [event("a.step", number=1)])


def test_a_token_that_is_missing_at_the_start_is_told(log, hsm):
    to_token(log)
    log.ring.insist()
    hsm.take_away()
    fresh = FileRing(log.ring.folder, hsm.token())
    with pytest.raises(TokenAway, match="see that it is connected"):
        fresh.insist()
    hsm.put_back()
    fresh.insist()


def test_without_a_token_configured_nothing_is_signed(log):
    to_token(log)
    with pytest.raises(KeyUnusable, match="DOMICILE_PKCS11_MODULE"):
        FileRing(log.ring.folder).current()


def test_a_wrong_pin_is_tried_once(log, hsm):
    to_token(log)
    hsm.write("000000")
    held = hsm.token()
    ring = FileRing(log.ring.folder, held)
    with pytest.raises(KeyUnusable, match="refuses the PIN") as first:
        ring.insist()
    hsm.write(PIN)
    with pytest.raises(KeyUnusable, match="not tried again"):
        ring.insist()
    assert "000000" not in str(first.value)
    FileRing(log.ring.folder, hsm.token()).insist()


def test_a_pin_that_others_may_read_is_not_used(log, hsm):
    hsm.write(PIN, 0o640)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        hsm.token().make()


def test_another_token_of_the_same_name_does_not_sign(log, hsm):
    to_token(log)
    hsm.take_away()
    hsm.make()
    with pytest.raises(KeyUnusable, match="does not hold the log's key"):
        FileRing(log.ring.folder, hsm.token()).insist()


def test_a_library_that_is_none_is_told(hsm):
    with pytest.raises(KeyUnusable, match="cannot be loaded"):
        Token(Place("/nowhere/lib.so", "domicile", "domicile-log", hsm.pin)).make()


def test_commands_and_doctor_know_the_token(log, hsm, monkeypatch):
    environment = settings.DOMICILE
    fields = {name: getattr(environment, name) for name in environment.__slots__}
    fields |= {
        "data": log.ring.folder.parent,
        "checkpoints": log.places.outside,
        "organisation": "example.org",
        "pkcs11_module": hsm.place.module,
        "pkcs11_token": hsm.place.token,
        "pkcs11_key": hsm.place.key,
        "pkcs11_pin_file": str(hsm.pin),
    }
    monkeypatch.setattr(settings, "DOMICILE", type(environment)(**fields))
    call_command("keys", "rotate", "log", "--pkcs11", "--reason", "A token.", stdout=StringIO())
    listed = StringIO()
    call_command("keys", "list", stdout=listed)
    assert "log.pkcs11\n" in listed.getvalue()
    assert "fingerprint" in listed.getvalue().partition("log.pkcs11")[2][:200]
    assert [one.state for one in diagnosis._log_key(settings.DOMICILE)] == ["ok"]
    path = hsm.folder / "evidence.zip"
    call_command("audit", "export", str(path), stdout=StringIO())
    assert check(path)[0]
    call_command("audit", "verify", stdout=StringIO())
    hsm.take_away()
    (found,) = [one for one in diagnosis._log_key(settings.DOMICILE) if one.state == "wrong"]
    assert "see that it is connected" in found.text
