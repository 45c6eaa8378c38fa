"""Two appliances that witness each other, and one of them set back to yesterday."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.services.programs import NOTARY_REFUSED
from compliance.audit import checkpoint, cosignature
from compliance.audit.keys import read_key
from compliance.audit.witness import KEY_FILE
from tests.services.appliance import BASE, Appliance
from tests.services.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.appliance

NAMES = ("a.example", "b.example")


@contextmanager
def officer(appliance: Appliance) -> Iterator[Console]:
    """Somebody logged in to an appliance's console."""
    base = f"{appliance.url}/console"
    with httpx.Client(base_url=base, timeout=PATIENCE, follow_redirects=True) as client:
        console = Console(client)
        welcome = appliance.welcome
        console.sends(
            "/login/", username=welcome["admin"], password=welcome["password"], next="/console/"
        )
        yield console


class Console:
    """The pages of one, by the browser `client`."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def sends(self, path: str, **fields: str) -> str:
        """Fill in the form of a page; the page after it."""
        page = self.client.get(path).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, f"there is no form on {path}"
        sent = {**fields, "csrfmiddlewaretoken": token[1]}
        headers = {"Referer": str(self.client.base_url)}
        answer = self.client.post(path, data=sent, headers=headers)
        assert answer.status_code == httpx.codes.OK, answer.text[:500]
        assert "Nothing was saved" not in answer.text
        return answer.text

    def sees(self, path: str) -> str:
        """A page."""
        return self.client.get(path).text


class Organisation:
    """An appliance, and what it tells others of itself."""

    def __init__(self, folder: Path, name: str) -> None:
        self.appliance = Appliance(
            folder / name, DOMICILE_ORGANISATION=name, DOMICILE_WITNESS_INTERVAL="1"
        )
        self.name = name

    def calls(self, other: Organisation) -> None:
        self.appliance.variables["DOMICILE_WITNESSES"] = f"{other.appliance.url}/witness"

    @property
    def log_key(self) -> str:
        return (self.appliance.data / "log" / "verifier-key").read_text().strip()

    @property
    def witness_key(self) -> str:
        seed = read_key(self.appliance.data / "keys" / KEY_FILE)
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return cosignature.verifier_key(f"{self.name}/witness", public)

    def served(self, name: str = "checkpoint") -> bytes:
        return httpx.get(f"{self.appliance.url}/log/{name}", timeout=PATIENCE).content

    def cosigned_by(self, other: Organisation) -> bool:
        """Whether the newest cosigned checkpoint is signed by both, as anybody may check."""
        note = self.served("cosigned")
        if not note:
            return False
        checkpoint.verify(note, *checkpoint.parse_verifier_key(self.log_key))
        return bool(
            cosignature.cosigned(note, *cosignature.parse_verifier_key(other.witness_key))
        )

    def number(self, query: str) -> int:
        with self.appliance.database() as database:
            (found,) = database.execute(query).fetchone()
        return int(found or 0)

    def alarms(self) -> list[tuple[str, str]]:
        with self.appliance.database() as database:
            rows = database.execute("SELECT kind, words FROM compliance_alarm")
            return list(rows.fetchall())

    def copied(self, folder: Path) -> Path:
        """A copy of database and log, as a backup has them."""
        shutil.copytree(self.appliance.data / "log", folder / "log")
        with (
            closing(sqlite3.connect(self.appliance.data / "db.sqlite3")) as source,
            closing(sqlite3.connect(folder / "db.sqlite3")) as target,
        ):
            source.backup(target)
        return folder

    def set_back(self, copy: Path) -> None:
        """Put the copy in the place of what is there, and forget the checkpoints outside."""
        data = self.appliance.data
        for path in data.glob("db.sqlite3*"):
            path.unlink()
        shutil.rmtree(data / "log")
        shutil.rmtree(data.with_name(f"{data.name}.checkpoints"))
        shutil.copytree(copy / "log", data / "log")
        shutil.copy(copy / "db.sqlite3", data / "db.sqlite3")


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[tuple[Organisation, Organisation]]:
    """Two appliances that run and may call each other."""
    folder = tmp_path_factory.mktemp("pair")
    first, second = (Organisation(folder, name) for name in NAMES)
    first.calls(second)
    second.calls(first)
    both = (first.appliance, second.appliance)
    with ThreadPoolExecutor(2) as pool:  # an appliance ends with the thread that started it
        try:
            list(pool.map(Appliance.start, both))
            yield first, second
        finally:
            list(pool.map(Appliance.stop, both))


def test_two_appliances_witness_each_other_and_one_that_is_set_back_is_found_out(
    pair, tmp_path
):
    first, second = pair
    for one, other in (pair, pair[::-1]):
        with officer(one.appliance) as console:
            console.sends(
                "/compliance/witnessedlog/add/",
                verifier_keys=other.log_key,
                note=f"The log of {other.name}.",
                active="on",
            )
            console.sends(
                "/compliance/witness/add/",
                verifier_key=other.witness_key,
                address=f"{other.appliance.url}/witness",
                active="on",
            )
    wait_until(lambda: first.cosigned_by(second), "the first is cosigned by the second")
    wait_until(lambda: second.cosigned_by(first), "the second is cosigned by the first")

    copy = first.copied(tmp_path)
    kept = first.number("SELECT MAX(size) FROM compliance_cosignature")
    with officer(first.appliance):
        pass  # a login more is on the record
    wait_until(
        lambda: second.number("SELECT size FROM compliance_witnessedlog") > kept,
        "the second has seen the first grow",
    )
    first.appliance.stop()
    first.set_back(copy)

    # Its notary alone, which reaches the witness by itself.
    notary = subprocess.run(
        [sys.executable, str(BASE / "manage.py"), "notary"],
        cwd=BASE,
        env=first.appliance.variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert notary.returncode == NOTARY_REFUSED, notary.stderr
    assert "an older copy of the database was restored" in notary.stderr
    (alarm,) = [words for kind, words in first.alarms() if kind == "witness.conflict"]
    assert "shows a checkpoint signed by this log" in alarm
    assert any(kind == "witness.refused" for kind, _ in second.alarms())
    with officer(second.appliance) as console:
        assert "may have been set back" in console.sees("/")
    verified = first.appliance.manage("audit", "verify")
    assert verified.returncode == 1
    assert "an older copy of the database was restored" in verified.stdout
