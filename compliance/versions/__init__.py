"""Versions of the policy: what people sign about them, and which one counts.

statements    what is signed: canonical JSON, by kind, and how it is checked
certificates  whose keys may sign what, and since when
chain         from rows, keys and the time to the version that counts, or to what is wrong
floor         what a process has seen already, so that rows that go show
load          the same of this database, for the gate, the notary and the console
sealing keys  people's approval keys, under their passwords: create, endorse, revoke
drafts propose approve decline withdraw tighten install    one verb each, with its event
watching      what the notary does: says since when a version counts, and when one is forged

Statements, certificates and chain are pure: a regulator's copy of the rows gives the same
answer. docs/approvals.md says what this prevents and what it only shows.
"""

from __future__ import annotations

from compliance.versions.refused import Refused

__all__ = ["Refused"]
