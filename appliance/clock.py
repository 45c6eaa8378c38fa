"""Whether the kernel's clock follows another: the record's times and licences rest on it."""

from __future__ import annotations

import ctypes

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2); the tail that is not read here is padding."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # µs
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("tail", ctypes.c_byte * 512),
    ]


def synchronised() -> tuple[bool | None, int]:
    """Whether it is, and the kernel's bound on its error in µs; None where it does not say."""
    timex = _Timex(modes=0)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state < 0:
        return None, 0
    unsynchronised = state == TIME_ERROR or bool(timex.status & STA_UNSYNC)
    return not unsynchronised, int(timex.maxerror)
