"""The child process of `vllm`: vLLM's own server for OpenAI's API, on a Unix socket.

It runs in vLLM's environment, where nothing of Domicile's is, and so is started by its path.
vLLM starts further processes, each of which runs this file too (multiprocessing's `spawn`):
each ends when the one that started it has, or it would keep its memory, and its GPU.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading


def _end_with(parent: int) -> None:
    """Wait for the end of the process `parent`, then end this one."""
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGKILL)
        return
    if os.getppid() != parent:  # its id is another's by now
        os.kill(os.getpid(), signal.SIGKILL)
    select.select([descriptor], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Serve until SIGTERM; the arguments are those of `vllm serve`."""
    from vllm.entrypoints.launchers.api_server.entry import (  # noqa: PLC0415 - not in every
        main as serve,  # process that runs this file
    )

    serve()
    return 0


threading.Thread(target=_end_with, args=(os.getppid(),), name="leash", daemon=True).start()

if __name__ == "__main__":
    sys.exit(main())
