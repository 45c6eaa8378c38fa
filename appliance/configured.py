"""What of the configuration goes on the record: names and values that hold no secret."""

from __future__ import annotations

import hashlib
import tomllib
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from appliance.env import BASE, Environment

OF_A_PROCESS = frozenset({"source"})
"""Differs from process to process, and changes nothing that may happen."""
WITH_A_PASSWORD = frozenset({"database_url", "broker_url"})


def values(environment: Environment) -> dict[str, Any]:
    """Every setting, the release and the digest of its lock file."""
    found = {
        field.name: _plain(field.name, getattr(environment, field.name))
        for field in fields(environment)
        if field.name not in OF_A_PROCESS
    }
    return found | {"release": release(), "lock_sha256": _lock()}


def _plain(name: str, value: Any) -> Any:
    if name in WITH_A_PASSWORD:
        return without_password(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return [str(one) for one in value]
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def without_password(url: str) -> str:
    """An address without the user, the password and the options in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def release() -> str:
    """Domicile's version, as the project names it; empty where its files are not there."""
    with suppress(OSError, KeyError, ValueError):
        project = tomllib.loads(BASE.joinpath("pyproject.toml").read_text())
        return str(project["project"]["version"])
    return ""


def _lock() -> str:
    """Which packages belong to this release; empty where the file is not there."""
    with suppress(OSError):
        return hashlib.sha256(BASE.joinpath("uv.lock").read_bytes()).hexdigest()
    return ""
