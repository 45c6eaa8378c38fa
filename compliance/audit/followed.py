"""Follows a log that this appliance witnesses when the log's key is rotated (`rotation`).

A log shows its handovers, each signed by the key that it puts aside. So whoever knows one of
its keys can come to know the newest; nobody has to be asked. The specification of witnesses
has no word for it: a log of another make gives its officer the new key to be registered.
"""

from __future__ import annotations

import time

from compliance.audit import checkpoint, handover, journal
from compliance.audit.changes import recorded
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.handover import Handover
from compliance.audit.witness import Answer
from compliance.models import WitnessedLog
from compliance.vocabulary import Event

FOLLOWED = "witnessed_log.key_followed"
SOURCE = "console"
KEYS_MAX = 64  # of one log


def add_rotations(body: bytes) -> Answer:
    """Take over the keys that a log's file `rotations` leads to; 403 where it leads nowhere."""
    try:
        told = handover.parse(body.decode("ascii"))
        names = {_name(one) for one in told}
    except (CheckpointInvalid, UnicodeDecodeError) as error:
        return Answer(400, f"{error}\n".encode())
    found = False
    for log in WitnessedLog.objects.filter(active=True):
        found = (_name_of(log.origin) in names and _follow(log, told)) or found
    return Answer(200) if found else Answer(403, b"These rotations begin with no known key.\n")


def _follow(log: WitnessedLog, told: list[Handover]) -> bool:
    """Add each key that a known one vouches for; whether all of them are known now."""
    lines = log.verifier_keys.split()
    known = [checkpoint.parse_verifier_key(line)[1] for line in lines]
    new: list[str] = []
    for one in told:
        if one.old in known and one.new not in known and len(known) < KEYS_MAX:
            try:
                one.check(_name_of(log.origin))
            except CheckpointInvalid:
                continue
            known.append(one.new)
            new.append(checkpoint.verifier_key(log.origin, one.new))
    if new:
        _keep(log, lines, new)
    return bool(told) and told[-1].new in known


def _keep(log: WitnessedLog, before: list[str], new: list[str]) -> None:
    """Durable, with its event; unless somebody changed the keys meanwhile."""
    now = time.time_ns() // 1000
    events = [Event(FOLLOWED, now, {"log": log.origin, "verifier_key": key}) for key in new]
    with recorded():
        same = WitnessedLog.objects.filter(pk=log.pk, verifier_keys=log.verifier_keys)
        if same.update(verifier_keys="\n".join([*before, *new])):
            journal.record(SOURCE, events, [log])


def _name(one: Handover) -> str:
    return _name_of(checkpoint.parse_verifier_key(one.before)[0])


def _name_of(origin: str) -> str:
    try:
        return checkpoint.generation_of(origin)[0]
    except CheckpointInvalid:
        return ""  # a log of another make
