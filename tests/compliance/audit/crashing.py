"""Processes to be killed: `python -m tests.compliance.audit.crashing writer|notary FOLDER`.

Each says on standard output what it has achieved, a line each, so that whoever kills it
knows what must be there.
"""

import os
import sys
import threading
from pathlib import Path

import django

# ruff: noqa: PLC0415 - models can be imported once Django is set up

KEY = bytes(range(32))
ORIGIN = "example.org/log/1"
CALLERS = 8


def say(line):
    os.write(1, line.encode() + b"\n")  # whole lines, at once


def write():
    from compliance.audit.writer import Writer
    from compliance.vocabulary import RecordUnavailable
    from tests.compliance.audit.events import admitted, completed, register, request_id

    register()
    writer = Writer("web-1", on_fenced=lambda: os._exit(9))
    writer.start()

    def call():
        while True:
            request = request_id()
            try:
                writer.append_sync([admitted(request)])
                say(f"admitted {request}")
                writer.append_sync([completed(request)])
                say(f"completed {request}")
            except RecordUnavailable:
                say("unavailable -")

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def notarise(folder):
    from compliance.audit import notary

    notary.PUBLISH = 0.02  # more files in less time, so that more kills fall between them
    notary.BATCH = 100
    say("started -")
    notary.Notary(folder, KEY, ORIGIN).run(threading.Event())


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "appliance.settings"
    django.setup()
    if sys.argv[1] == "writer":
        write()
    else:
        notarise(Path(sys.argv[2]))
