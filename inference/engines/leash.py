"""Ties this process to its parent's life, then becomes the program it is given.

Run as a file: `leash.py <the parent's process id> <program> <argument>…`. The tie is
PR_SET_PDEATHSIG, which survives exec; it is made here and not between fork and exec in the
parent, whose other threads may hold locks. It holds for the thread that starts the child.
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The parent had ended before the tie to it held.")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold prompts
    os.umask(0o077)
    os.execv(program[0], program)  # noqa: S606 - the supervisor's own command line


if __name__ == "__main__":
    main()
