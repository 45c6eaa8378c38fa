"""A process that dies in the middle: `python -m tests.compliance.holds.dying STEP HOLD`.

`deny` and `use` die when the state is durable and the key still stands; `keep` when the key
is, and nothing of the hold yet.
"""

import os
import signal
import sys

import django

# ruff: noqa: PLC0415 - models can be imported once Django is set up


def die(*_given):
    os.kill(os.getpid(), signal.SIGKILL)


def used(hold):
    from compliance.audit.writer import Writer
    from compliance.vocabulary import Event

    writer = Writer("web-2", on_fenced=die)
    writer.start()
    writer.append_sync([Event("request.admitted", 1, {}, "f" * 32, uses=hold)])
    die()


def main(step, hold):
    from compliance.audit.keystore import KeyStore
    from compliance.holds import deciding, text

    if step == "keep":
        text.sealed(hold, b"{}", 1)
        die()
    setattr(KeyStore, "destroy_held", die)  # noqa: B010 - what a checker calls a method
    if step == "deny":
        deciding.deny(hold, "dora", "No.")
    else:
        used(hold)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "appliance.settings"
    django.setup()
    main(*sys.argv[1:])
