"""Exports in the background: a real worker, a real broker, and `kill -9`."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import psutil
import pytest
from django.utils import timezone

from compliance.evidence import forms, running, runs, shelf
from compliance.models import Event, Export
from tests.compliance.evidence.packing import KEY, check
from tests.services.appliance import BASE, wait_until
from tests.services.valkey import Valkey, leash

pytestmark = [pytest.mark.database, pytest.mark.timeout(120)]


@pytest.fixture
def data(log, tmp_path, settings):
    """A data folder with the log and its key."""
    key = tmp_path / "keys" / "log.ed25519"
    key.parent.mkdir(mode=0o700)
    key.touch(mode=0o600)
    key.write_text(KEY.hex() + "\n")
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path, disk_floor=0)
    return tmp_path


def started(**scope):
    return runs.start("clara", "evidence", scope)


def exported():
    return Event.objects.filter(type="evidence.exported").count()


def again(run):
    return Export.objects.get(pk=run.pk)


def test_a_run_makes_one_file_one_event_and_says_so(data):
    run = started()
    running.carry_out(run.pk)
    running.carry_out(run.pk)
    run = again(run)
    path = shelf.kept(run.file)
    assert (run.state, exported()) == ("done", 1)
    assert check(path)[0]
    assert (path.stat().st_size, shelf.digest(path)) == (run.size, run.digest)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == [run.file]
