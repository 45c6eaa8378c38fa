"""Two people who sign one version of an appliance's policy after the other.

Run as a process of its own, with its environment. For each line, which is a JSON list
of rules, it puts these in the place of the former line's and writes the number of the version
that counts from then on, a space and its digest.
"""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
django.setup()

from tests.compliance.versions.people import (  # noqa: E402 - after the set-up
    approver,
    counting,
    officer,
)


def main() -> None:
    proposes, approves = officer(), approver()
    former: list[str] = []
    for line in sys.stdin:
        rules = json.loads(line)
        version = counting(proposes, approves, *rules, without=former)
        former = [rule["id"] for rule in rules]
        sys.stdout.write(f"{version.number} {version.digest}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
