"""What a person is told who had content about them erased."""

from __future__ import annotations

import re
from collections.abc import Sequence

from compliance.models import Erasure, Leaf

_PLACE = re.compile(r"^  event ([a-z]+)/(\d+)/(\d+)$", re.MULTILINE)

_REMAINS = """\
What remains, and why
  - Entries and details in the log: that a request took place, when, for which application and
    under which rule, what kinds of data were found in it, and as blind indexes whom the
    application named. They hold no prompt and no answer. They are kept because others must be
    able to check the log (GDPR Art. 5(2)); details go when their own retention ends, entries
    (no directly identifying data) stay.
  - Backups made before hold the content as ciphertext only. The key that could open it was in
    no backup, and has been overwritten and removed.
  - Drives may keep overwritten blocks for a time (solid-state drives; file systems that copy on
    write). Where the drive itself is encrypted, those cannot be read without its key.
  - Exports with kept prompts and answers that lay in this appliance are removed from it by
    the process that erases, or within seconds by the process records; each removal is on the
    record. Where neither runs or may write there, that waits until one does.
  - Evidence that was handed out or downloaded with its contents before is not in this
    appliance's hands, and cannot be reached. The log names each such disclosure.
  - Found were the requests that named this identifier, or in which it was recognised; a text
    may speak of a person without either."""


def certificate(erasure: Erasure, parts: int, places: Sequence[str]) -> str:
    """The text for an erasure that is done. `places` are its events, as source/epoch/seq."""
    finished = erasure.finished
    when = f"{finished:%Y-%m-%d %H:%M:%S} UTC" if finished else "not finished"
    what = {
        Erasure.Kind.SUBJECT: f"by a person's identifier, of blind index\n  {erasure.subject}",
        Erasure.Kind.REQUEST: f"by request {erasure.request}",
        Erasure.Kind.EXPIRY: "what was past its time",
    }[Erasure.Kind(erasure.kind)]
    events = "\n".join(f"  event {place}" for place in places)
    return f"""\
Certificate of erasure no. {erasure.pk}

Erased {what}
Asked for {erasure.asked:%Y-%m-%d %H:%M:%S} UTC by {erasure.actor}
Reason    {erasure.reason}
Done      {when}

Found {erasure.requests} requests; {parts} kept texts of theirs (prompts and answers) were
erased: deleted, and the key that could open them overwritten and removed.

On the record
{events}

{_REMAINS}
"""


def places(erasure: Erasure) -> list[int]:
    """The log entries of an erasure's events, as far as they are in the log by now."""
    found: list[int] = []
    for source, epoch, seq in _PLACE.findall(erasure.certificate):
        leaf = Leaf.objects.filter(
            event__source=source, event__epoch=int(epoch), event__seq=int(seq)
        )
        found += leaf.values_list("index", flat=True)
    return found
