"""A model serves nobody before an officer has accepted its licence.

One transaction each, with its event. What is accepted is a text: other words are another
acceptance, so the digest of the text that was shown goes along.
"""

from __future__ import annotations

import time

from django.utils import timezone

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.vocabulary import Event
from inference.models import Model


def accept(model: Model, actor: str, shown: str) -> bool:
    """Accept the licence whose text has the digest `shown` (hex); false if it does not.

    Also false where it was accepted already, and where there is no text.
    """
    if not shown:
        return False
    with recorded():
        waiting = Model.objects.filter(pk=model.pk, licence_accepted=None, licence_digest=shown)
        done = bool(waiting.update(licence_accepted=timezone.now(), licence_accepted_by=actor))
        if done:
            _record("model.licence_accepted", actor, model)
    return done


def withdraw(model: Model, actor: str, reason: str) -> bool:
    """Take an acceptance back: within a second nothing is sent to the model any more.

    False where nobody had accepted it.
    """
    with recorded():
        accepted = Model.objects.filter(pk=model.pk, licence_accepted__isnull=False)
        done = bool(accepted.update(licence_accepted=None, licence_accepted_by=""))
        if done:
            _record("model.licence_withdrawn", actor, model, reason=reason)
    return done


def _record(kind: str, actor: str, model: Model, **more: str) -> None:
    detail = {
        "actor": actor,
        "model": model.name,
        "digest": model.digest,
        "licence": model.licence,
        "licence_digest": model.licence_digest,
        **more,
    }
    journal.record("console", [Event(kind, time.time_ns() // 1000, detail)], [model])
