"""The ways in which a request does not happen.

Blocked     the policy says no
Held        a person must look at it first
HoldSpent   the approval that it came with served another request
Refused     something of ours failed, or no place is left
"""

from __future__ import annotations

from collections.abc import Mapping

from compliance.vocabulary import Decision


class Blocked(Exception):
    """The policy says no. The event is on the record.

    Its words are why, and not what rules say that would have let the request go on.
    """

    def __init__(self, decision: Decision, findings: Mapping[str, int]) -> None:
        super().__init__("; ".join(decision.stops) or "No rule of the policy allows this.")
        self.decision = decision
        self.findings = findings


class Held(Exception):
    """A person must approve the request first. The event is on the record.

    Its words are those of the rules that hold it.
    `hold` is the id under which the approval is asked for; `expires` is in microseconds since
    the Unix epoch.
    """

    def __init__(
        self, decision: Decision, findings: Mapping[str, int], hold: str, expires: int
    ) -> None:
        super().__init__("; ".join(decision.stops))
        self.decision = decision
        self.findings = findings
        self.hold = hold
        self.expires = expires


class HoldSpent(Exception):
    """The approval was used by another request, or ended, before this one could use it.

    `why` is `used` or `expired`. The event is on the record.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Refused(Exception):
    """The request could not be checked, recorded or placed, and so does not happen.

    `reason` is one of `detection_unavailable`, `record_unavailable`, `no_route`,
    `clearance_unavailable` and `too_many_holds`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
