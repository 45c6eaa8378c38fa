"""Follows a log that this appliance witnesses when the log's key is rotated (`rotation`).

A log shows its handovers, each signed by the key that it puts aside. So whoever knows one of
its keys can come to know the newest; nobody has to be asked. Only that one counts from then
on. The specification of witnesses has no word for it: a log of another make gives its officer
the new key to be registered.
"""

from __future__ import annotations

import time
from collections import Counter

from compliance.audit import checkpoint, handover, journal
from compliance.audit.changes import recorded
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.handover import Handover
from compliance.audit.witness import Answer
from compliance.models import WitnessedLog
from compliance.vocabulary import Event

FOLLOWED = "witnessed_log.key_followed"
SOURCE = "console"
KEYS_MAX = 64  # of one log, until this process starts anew: each is an entry here
_followed: Counter[str] = Counter()


def add_rotations(body: bytes) -> Answer:
    """Heed the keys that a log's file `rotations` leads to; 403 where it leads nowhere."""
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
    """Put the key that counts in the place of those that lead to it; whether it is known now.

    A key that was put aside counts no more: whoever stole it would else have a fork cosigned,
    or name keys of his own.
    """
    before = log.verifier_keys.split()
    lines = {checkpoint.parse_verifier_key(line)[1]: line for line in before}
    new: list[bytes] = []
    for one in told:
        if one.old not in lines or one.new == one.old:
            continue
        try:
            one.check(_name_of(log.origin))
        except CheckpointInvalid:
            continue
        del lines[one.old]
        lines.setdefault(one.new, checkpoint.verifier_key(log.origin, one.new))
        new.append(one.new)
    keys = list(lines.values())
    if set(keys) != set(before):
        named = [lines[key] for key in dict.fromkeys(new) if key in lines]
        if not _keep(log, keys, named):
            return False
    return bool(told) and told[-1].new in lines


def _keep(log: WitnessedLog, keys: list[str], new: list[str]) -> bool:
    """Durable, with its events; false if somebody changed the keys meanwhile, or too often."""
    if _followed[log.origin] + len(new) > KEYS_MAX:
        return False
    now = time.time_ns() // 1000
    events = [Event(FOLLOWED, now, {"log": log.origin, "verifier_key": key}) for key in new]
    with recorded():
        same = WitnessedLog.objects.filter(pk=log.pk, verifier_keys=log.verifier_keys)
        if not same.update(verifier_keys="\n".join(keys)):
            return False
        journal.record(SOURCE, events, [log])
    _followed[log.origin] += len(new)
    return True


def _name(one: Handover) -> str:
    return _name_of(checkpoint.parse_verifier_key(one.before)[0])


def _name_of(origin: str) -> str:
    try:
        return checkpoint.generation_of(origin)[0]
    except CheckpointInvalid:
        return ""  # a log of another make
