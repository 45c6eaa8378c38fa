"""Kills work between its steps, and counts them."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection


def killed_at(
    point: int,
    work: Callable[[], object],
    *,
    calls: Collection[str],
    modules: Collection[str] = (),
) -> bool:
    """Run `work` in a child that kills itself before its `point`th step; whether it did.

    A step is a call of a built-in function of one of the names `calls`, such as those of the
    system, or a call or a return within one of the files `modules`. Where the work fails
    before that, so does this.
    """
    child = os.fork()
    if not child:
        left, sound = point, False

        def count(frame, what, function):
            nonlocal left
            within = frame.f_code.co_filename.rpartition("/")[2] in modules
            lasting = what == "c_call" and getattr(function, "__name__", "") in calls
            if lasting or (within and what in ("call", "return")):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        try:
            work()
            sound = True
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(0 if sound else 1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the work failed in itself"
    return os.WIFSIGNALED(status)
