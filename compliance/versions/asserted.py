"""A policy's standing assertions, proved before anybody signs for it.

What is violated is refused with a request that shows it; so is what the solver could not
decide, because nobody knows then. Sites are taken as they are registered at that time.
"""

from __future__ import annotations

from typing import Any

from compliance import registered
from compliance.policy import solver
from compliance.policy.asking import Asking, Topic
from compliance.policy.leaving import Judged, violated
from compliance.policy.terms import Policy
from compliance.policy.universe import Known
from compliance.proving import ProofImpossible, prove
from compliance.versions import acting
from compliance.versions.refused import Refused

LIMIT = solver.LIMIT  # units for each assertion
WAIT = 30.0
"""Seconds for which a person who signs waits for another question to end."""


def insist_on_assertions(policy: Policy) -> dict[str, Any]:
    """What was proved, for the event that follows; nothing where nothing is asserted.

    Raises `Refused`. Not to be called while a transaction is open: proving takes seconds.
    """
    if not policy.assertions:
        return {}
    known = Known(sites=registered.sites())
    asking = Asking(Topic.ASSERTIONS, policy, acting.now(), known, limit=LIMIT)
    try:
        answers = prove(asking, wait=WAIT)
    except ProofImpossible as error:
        raise Refused("assertions", str(error)) from error
    if len(answers) != len(policy.assertions):  # the whole run came to an end, not one of them
        raise Refused("assertions", " ".join(answers[0].words))
    judged = [Judged(*one) for one in zip(policy.assertions, answers, strict=True)]
    if wrong := violated(judged):
        raise Refused("assertions", " ".join(word for one in wrong for word in one.words))
    proved = [
        {"id": one.assertion.id, "verdict": str(one.answer.verdict), "spent": one.answer.spent}
        for one in judged
    ]
    return {"assertions": proved}
