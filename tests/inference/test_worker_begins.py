"""A worker that cannot begin ends: one that went on would take tickets and drop them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import redis as sync_redis

from appliance.services.worker import NOT_BEGUN, REFUSED
from inference import drift
from inference.statements import STREAM
from tests.inference.nodes import ROOT, data_folder
from tests.inference.registry.test_imported import put
from tests.services.waiting import PATIENCE

BEGIN = """
import sys
from celery import signals
import appliance.worker as worker
if sys.argv[1] == "unusable":
    worker.environment = None
signals.worker_init.send(sender=None)  # Celery logs what a receiver raises, and goes on
print("it takes tickets")
"""


@pytest.fixture
def data():
    folder = data_folder()
    yield folder
    shutil.rmtree(folder)


def begun(data: Path, broker: str, environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN, environment],
        check=False,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DOMICILE_DATA": str(data),
            "DOMICILE_BROKER_URL": broker,
            "DOMICILE_MODEL": "m",
            "DOMICILE_CANARY_INTERVAL": "0",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_a_file_whose_name_is_no_text_ends_the_worker_and_is_told(data, valkey):
    (put(data / "models") / os.fsdecode(b"x\xff")).write_bytes(b"")
    with sync_redis.Redis.from_url(
        valkey.url.replace("redis+socket://", "unix://", 1), socket_timeout=5
    ) as broker:
        broker.flushall()
        done = begun(data, valkey.url, "usable")
        [(_, fields)] = broker.xrange(STREAM)
    assert (done.returncode, done.stdout) == (REFUSED, ""), done.stderr
    told = drift.read(fields[drift.FIELD.encode()])
    assert (told.model, told.file, told.reason) == ("m", "x\\udcff", "unlisted")


def test_a_folder_of_sockets_that_is_not_its_own_ends_it(data, valkey):
    elsewhere = data / "elsewhere"
    elsewhere.mkdir()
    (data / "run").symlink_to(elsewhere)
    done = begun(data, valkey.url, "usable")
    assert (done.returncode, done.stdout, list(elsewhere.iterdir())) == (NOT_BEGUN, "", [])
    assert f"{data / 'run'} belongs to another user" in done.stderr


def test_whatever_keeps_a_worker_from_beginning_ends_it(data, valkey):
    done = begun(data, valkey.url, "unusable")
    assert (done.returncode, "it takes tickets" in done.stdout) == (NOT_BEGUN, False)
    assert "The worker cannot start. AttributeError" in done.stderr
