"""A process to be killed: `python -m tests.compliance.audit.pruner STEP` removes what is due.

It says when it has done so many steps, and goes on for some more, but never to the end.
"""

import datetime as dt
import os
import signal
import sys

import django

MORE = 20  # steps after it has said so

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "appliance.settings"
    django.setup()
    from compliance.audit import pruning, retention

    pruning.BATCH = 4  # more steps, so that more kills fall between them
    pruning.CHUNK = 50
    every, last = pruning.Run.steps, int(sys.argv[1])

    def steps(run, *, dry=False):
        for number, _ in enumerate(every(run, dry=dry)):
            if number == last:
                os.write(1, b"begun\n")
            elif number == last + MORE:
                signal.pause()
            yield

    pruning.Run.steps = steps  # type: ignore[method-assign]
    retention.prune(dt.datetime.now(dt.UTC))
