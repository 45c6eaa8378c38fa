"""No version is proposed that would block everything, in whatever form its rules say so.

`sound` sees it where rules say it outright. That two rules block by day and by night needs a
proof; it is asked for only where a plain request is blocked, since one that may go on shows
enough. What the solver could not decide is refused: nobody knows then.
"""

from __future__ import annotations

from compliance import registered
from compliance.policy import solver
from compliance.policy.asking import Asking, Topic
from compliance.policy.paths import lets_plainly
from compliance.policy.prove import Verdict
from compliance.policy.terms import Policy
from compliance.policy.universe import Known
from compliance.proving import ProofImpossible, prove
from compliance.versions import acting
from compliance.versions.asserted import WAIT
from compliance.versions.refused import Refused

LIMIT = solver.LIMIT  # units


def insist_that_some_may_pass(policy: Policy) -> None:
    """Raises `Refused` unless some request of an application in use may go on.

    Not to be called while a transaction is open: proving takes seconds.
    """
    known, now = Known(applications=registered.applications()), acting.now()
    if lets_plainly(policy, since=now, known=known):
        return
    try:
        answer = prove(Asking(Topic.BLOCKS_ALL, policy, now, known, limit=LIMIT), wait=WAIT)[0]
    except ProofImpossible as error:
        raise Refused("document", str(error)) from error
    if answer.verdict is Verdict.PROVED:
        said = answer.words[0].removeprefix("Proved: ")
        raise Refused("document", f"{said[0].upper()}{said[1:]}")
    if answer.verdict is Verdict.UNDECIDED:
        raise Refused(
            "document",
            "Whether this policy would block every request could not be found out. "
            + " ".join(answer.words),
        )
