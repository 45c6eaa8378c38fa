"""A real broker for the tests, on a Unix socket of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from appliance.services import broker


class Valkey:
    """A broker that can be killed and started again on the same socket."""

    def __init__(self) -> None:
        self.run = Path(tempfile.mkdtemp(prefix="dmc-"))  # short: sun_path holds 108 bytes
        self.url = f"redis+socket://{self.run / broker.SOCKET}"
        self.process: subprocess.Popen[bytes] = broker.start(self.run)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it anew, empty, on the same socket."""
        self.kill()
        self.process = broker.start(self.run)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.run, ignore_errors=True)
