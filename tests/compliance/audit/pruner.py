"""A process to be killed: `python -m tests.compliance.audit.pruner` removes what is due."""

import datetime as dt
import os

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "appliance.settings"
    django.setup()
    from compliance.audit import pruning, retention

    pruning.BATCH = 4  # more steps, so that more kills fall between them
    pruning.CHUNK = 50
    os.write(1, b"begun\n")
    retention.prune(dt.datetime.now(dt.UTC))
