"""docs/events.md, from the catalogue.

python -m tests.events_page > docs/events.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from compliance.audit.catalogue import GROUPS, KINDS, Kind
from compliance.audit.members import WORDS

_HEAD = """# Events

Every type of event, made from `compliance/audit/catalogue.py` by
`python -m tests.events_page > docs/events.md`. A test holds what the code appends against it.
[audit-format.md](audit-format.md) says how events become entries of the log.

Every detail has `time`, in microseconds since 1970. An entry names nobody; where *personal*
says so, a detail names or points to a person: a user of the console, or by a blind index
somebody whom a request was about. A member that does not apply is left out.

An event is appended in the transaction of what it records: either both stand, or neither. What
changes a governed table (applications, keys, policies, sites, nodes, models, deployments,
users, roles) and has no event, because it went past the console and the commands, becomes a
`change.unrecorded` within seconds, and an alarm.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for group, kinds in GROUPS.items():
        parts += [f"\n## {group}\n", "", *_table(kinds)]
    parts += ["\n## Members\n", "", "| member | is |", "|---|---|"]
    parts += [f"| `{name}` | {words} |" for name, words in sorted(WORDS.items())]
    return "\n".join(parts).replace("\n\n\n", "\n\n") + "\n"


def _table(kinds: tuple[Kind, ...]) -> Iterator[str]:
    yield "| type | says | detail | recorded by | personal |"
    yield "|---|---|---|---|---|"
    for kind in kinds:
        members = ", ".join(f"`{name}`" for name in kind.members.split()) or "none"
        personal = "yes" if kind.personal else "no"
        yield f"| `{kind.type}` | {kind.words} | {members} | {kind.by} | {personal} |"


def wrong(text: str) -> list[str]:
    """What is not as the catalogue has it; `text` is the page."""
    named = {name for kind in KINDS.values() for name in kind.members.split()}
    found = [f"the member {name} has no words" for name in sorted(named - {*WORDS})]
    found += [f"no event has the member {name}" for name in sorted({*WORDS} - named)]
    if text != page():
        found.append("docs/events.md is stale: python -m tests.events_page > docs/events.md")
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
