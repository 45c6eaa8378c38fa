"""Older copies of a database and of a log's folder, put back as a restore does."""

import shutil
import sqlite3
from pathlib import Path

from django.db import connection

from tests.conftest import _postgres_owner


class Copies:
    """Copies of one test's database and log folder; `drop` when they are not needed."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        self._taken = []

    def take(self):
        """A copy of both as they are now."""
        number = len(self._taken)
        log = self.folder.with_name(f"{self.folder.name}-{number}")
        shutil.copytree(self.folder, log)
        name = f"{self.database.name}_{number}"
        connection.close()
        if self.database.vendor == "sqlite":
            _copy(self.database.name, name)
        else:
            with _postgres_owner() as owner:
                owner.execute(f"CREATE DATABASE {name} TEMPLATE {self.database.name}")
        self._taken.append((name, log))
        return number

    def put_back(self, number, *, log=True):
        """The copy in the place of what is there; with `log` false, of the database only."""
        name, _ = self._taken[number]
        if log:
            self.put_back_folder(number)
        connection.close()
        if self.database.vendor == "sqlite":
            for suffix in ("-wal", "-shm"):
                Path(self.database.name + suffix).unlink(missing_ok=True)
            _copy(name, self.database.name)
        else:
            with _postgres_owner() as owner:
                owner.execute(f"DROP DATABASE {self.database.name} WITH (FORCE)")
                owner.execute(f"CREATE DATABASE {self.database.name} TEMPLATE {name}")

    def put_back_folder(self, number):
        """The log's folder alone."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._taken[number][1], self.folder)

    def drop(self):
        if self.database.vendor == "postgresql":
            with _postgres_owner() as owner:
                for name, _ in self._taken:
                    owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _copy(source, target):
    Path(target).unlink(missing_ok=True)
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()
