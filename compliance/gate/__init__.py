"""The one gate: nothing unchecked reaches a model, and nothing happens unrecorded.

admission   admit(): detect, decide, record and clear, in this order, for every endpoint
again       reissue() after a failed attempt; readmit() by a newer version of the policy
examining   texts that go to no model: detect and record
holding     a request that a person must look at first
duties      what a decision obliges to: bounds on the body and on what is kept
refusals    the ways in which a request does not happen
said        what the events say

The gate is given all that it needs: how to scan, how to append, how to choose a place, how to
seal to it. What it cannot do, it refuses; what it admits owes exactly one terminal event, which
`conclude` appends.
"""

from compliance.gate.admission import Admitted, Coverage, Outcome, admit, conclude
from compliance.gate.again import readmit, reissue
from compliance.gate.examining import ENDPOINT as SCAN
from compliance.gate.examining import Examiner, Question, examine
from compliance.gate.refusals import Blocked, Held, HoldSpent, Refused
from compliance.gate.said import now

__all__ = [
    "SCAN",
    "Admitted",
    "Blocked",
    "Coverage",
    "Examiner",
    "Held",
    "HoldSpent",
    "Outcome",
    "Question",
    "Refused",
    "admit",
    "conclude",
    "examine",
    "now",
    "readmit",
    "reissue",
]
