"""What `doctor` says of the authority that stamps checkpoints: it asks as the notary does."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.x509 import Certificate

from appliance.calling import Calls
from appliance.env import Environment
from appliance.finding import Finding, ok, warning, wrong
from compliance.audit.asker import OK
from compliance.audit.authority import StampInvalid, trusted
from compliance.audit.ring import ring_of
from compliance.audit.stamp import Stamp, checked, query

DEADLINE = 10.0  # seconds for the authority's answer
SOON = dt.timedelta(days=30)
KIND = "application/timestamp-query"
NAME = "time stamps"


def time_stamps(environment: Environment) -> Iterator[Finding]:
    """Whether the authority answers and is believed, and how long its certificate lasts."""
    ring, log = ring_of(environment), environment.data / "log"
    keys = ring.path.exists() or ring.pointer.exists()
    if not (keys and os.access(log, os.W_OK)):  # the notary's role alone may call
        return
    if not environment.tsa:
        yield ok(NAME, "no authority is asked; see docs/operator.md, Time stamps")
        return
    certificates = Path(environment.tsa_certificate)
    try:
        anchors = trusted(certificates)
        found = _asked(environment.tsa, anchors)
    except StampInvalid as error:
        yield wrong(NAME, str(error), "See the message; the log goes on without stamps.")
        return
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        mend = "Look whether it runs, and whether this machine may call it. The log goes on."
        yield warning(NAME, f"{environment.tsa} does not answer: {why}", mend)
        return
    ends = min([found.expires, *(one.not_valid_after_utc for one in anchors)])
    text = f"{environment.tsa} answers as {found.authority}"
    if ends - dt.datetime.now(dt.UTC) < SOON:
        mend = f"Put the next one into {certificates}, beside this one until then."
        yield warning(NAME, f"{text}; a certificate ends on {ends:%Y-%m-%d}", mend)
    else:
        yield ok(NAME, f"{text}, certificate until {ends:%Y-%m-%d}")


def _asked(address: str, anchors: Sequence[Certificate]) -> Stamp:
    """The stamp on a number that stands for nothing; raises `StampInvalid` and OSError."""
    asked = query(secrets.token_bytes(32))
    reply = Calls((), None, DEADLINE, only=(address,), kind=KIND)("POST", address, asked)
    if reply.status != OK:
        raise StampInvalid(f"{address} answered {reply.status} in place of a time stamp.")
    return checked(reply.body, asked, anchors)
