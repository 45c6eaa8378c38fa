"""Becomes one of the appliance's processes: it dies with its keeper and reaches no network.

Run by path with `python -I -S`, so it imports the standard library only and starts in
milliseconds: `child.py PARENT CONFINE PROGRAM ARGUMENT…`, where PARENT is the keeper's
process id and CONFINE is `no`, `network` or `user`. What was done survives the exec: a
network namespace belongs to the process, and the parent-death signal is cleared only when
a program with more rights is executed (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
NOT_CONFINED = 71  # exit code; EX_OSERR

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def die_with_parent(parent: int, sign: signal.Signals = signal.SIGKILL) -> None:
    """Receive `sign` when the parent's thread that started this process ends.

    Ends at once if `parent` is no longer the parent: it died before this call.
    """
    _call("prctl", PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def leave_network(how: str) -> None:
    """Move this process into a network namespace that has a loopback device and no more.

    `how`: `network` needs CAP_SYS_ADMIN; `user` makes a user namespace first, in which the
    process keeps its user and group. Raises OSError where the kernel does not allow it.
    """
    if how == "user":
        user, group = os.getuid(), os.getgid()
        _call("unshare", CLONE_NEWUSER | CLONE_NEWNET)
        own = Path("/proc/self")
        own.joinpath("setgroups").write_text("deny")
        own.joinpath("uid_map").write_text(f"{user} {user} 1")
        own.joinpath("gid_map").write_text(f"{group} {group} 1")
    else:
        _call("unshare", CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def main() -> None:
    """Take the arguments above and become PROGRAM."""
    parent, confine, *program = sys.argv[1:]
    if confine != "no":
        try:
            leave_network(confine)
        except OSError as error:
            sys.stderr.write(f"The network could not be taken away: {error.strerror}.\n")
            os._exit(NOT_CONFINED)
    die_with_parent(int(parent))  # after the namespaces: making one clears the setting
    os.execvp(program[0], program)  # noqa: S606 - the keeper's own command, no shell


if __name__ == "__main__":
    main()
