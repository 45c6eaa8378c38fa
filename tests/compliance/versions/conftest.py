"""A database whose policy the installer signed, and people who may sign for another."""

from __future__ import annotations

import dataclasses

import pytest

from compliance.policy.default import DEFAULT
from compliance.versions import sealing
from compliance.versions.install import install


@pytest.fixture
def quick(monkeypatch, settings):
    """Passwords that cost nothing: these tests are not about how slow Argon2 is."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(sealing, "_PASSES", 1)
    monkeypatch.setattr(sealing, "_MEMORY", 32)


@pytest.fixture
def appliance(database, quick, settings, tmp_path):
    """A data folder of its own, and the policy that an appliance starts with."""
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path)
    install(DEFAULT)
    return tmp_path
