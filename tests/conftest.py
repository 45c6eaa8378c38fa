"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import hypothesis
import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.utils import CursorWrapper
from whitenoise.middleware import WhiteNoiseMiddleware

from tests.foreign.summary import pytest_terminal_summary  # noqa: F401 - pytest calls it
from tests.order import (  # noqa: F401 - pytest calls them
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
)

# A busy machine makes neither the code nor the data slow. The examples are the same at each
# run; `--hypothesis-profile search` draws others.
for name, derandomize in (("domicile", True), ("search", False)):
    hypothesis.settings.register_profile(
        name,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("domicile")


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_read_once() -> Iterator[None]:
    """Each test's client makes the middleware anew, which reads all static files' heads."""
    reads = WhiteNoiseMiddleware.add_files_from_finders
    known: dict[str, object] = {}

    def add(middleware: WhiteNoiseMiddleware) -> None:
        if not known:
            reads(middleware)
            known.update(middleware.files)
        middleware.files.update(known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add)
        yield


@dataclass(frozen=True)
class Database:
    """A migrated database that belongs to one test; `url` is for processes it starts."""

    name: str
    url: str
    vendor: str

    def environment(self) -> dict[str, str]:
        return dict(os.environ) | {"DOMICILE_DATABASE_URL": self.url}


@contextmanager
def _use(name: str) -> Iterator[None]:
    """Let Django's default connection, in every thread, be to the database `name`."""
    settings = connections["default"].settings_dict
    before = settings["NAME"]
    connection.close()
    settings["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        settings["NAME"] = before


def _postgres_url(name: str) -> str:
    settings = connections["default"].settings_dict
    return (
        f"postgresql://{settings['USER']}:{quote(settings['PASSWORD'])}"
        f"@{quote(settings['HOST'], safe='')}/{name}"
    )


@contextmanager
def _postgres_owner() -> Iterator[CursorWrapper]:
    """A connection outside of the databases that are made and dropped."""
    with (
        _use("postgres"),
        connection.cursor() as cursor,
    ):
        yield cursor


@pytest.fixture(scope="session")
def database_template(django_db_blocker, tmp_path_factory) -> Iterator[str]:
    """A migrated database to copy: with insert-only triggers, `flush` cannot reset one."""
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            name = str(tmp_path_factory.mktemp("template") / "db.sqlite3")
        else:
            name = f"domicile_template_{os.getpid()}"
            with _postgres_owner() as owner:
                owner.execute(f"CREATE DATABASE {name}")
        with _use(name):
            call_command("migrate", verbosity=0)
        if connection.vendor == "sqlite":
            with sqlite3.connect(name) as file:  # into one file, so that copying it is enough
                file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            file.close()
        yield name
        if connection.vendor == "postgresql":
            with _postgres_owner() as owner:
                owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(django_db_blocker, database_template, tmp_path) -> Iterator[Database]:
    """A database of its own for a test that commits, starts threads or starts processes.

    Ask for it instead of `django_db`; mark the test `database` if it is about storage, so
    that it also runs on PostgreSQL.
    """
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            name = str(tmp_path / "db.sqlite3")
            shutil.copy(database_template, name)
            with _use(name):
                yield Database(name, f"sqlite:///{Path(name)}", "sqlite")
            return
        name = f"domicile_test_{os.getpid()}_{os.urandom(4).hex()}"
        with _postgres_owner() as owner:
            owner.execute(
                f"CREATE DATABASE {name} TEMPLATE {database_template} STRATEGY FILE_COPY"
            )
        with _use(name):
            yield Database(name, _postgres_url(name), "postgresql")
        with _postgres_owner() as owner:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
