"""What `doctor` says of what needs a person now and then, though nothing is broken.

How old the log's key and the last backup are, what the witnesses know, how much room the
exports take, and whether an erasure waits that somebody asked for.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator

from django.db import connection

from appliance.env import Environment
from appliance.finding import Finding, ok, warning, wrong
from compliance.audit import asking, cosigned, ledger, rotation
from compliance.audit.quorum import PolicyInvalid
from compliance.audit.ring import ring_of
from compliance.models import Erasure, Event, Witness

KEY_OLD = dt.timedelta(days=366)  # docs/operator.md: rotate it once a year
BACKUP_OLD = dt.timedelta(days=7)


def log_key_age(environment: Environment) -> Iterator[Finding]:
    """Since when the log's key signs."""
    ring = ring_of(environment)
    if not (ring.path.exists() or ring.pointer.exists()):  # not every role has it
        return
    first = Event.objects.order_by("id").values_list("time", flat=True).first()
    since = rotation.since() or first
    if since is None:
        return
    name, age = "age of the log's key", dt.datetime.now(dt.UTC) - since
    text = f"signs since {since:%Y-%m-%d}, for {age.days} days"
    if age > KEY_OLD:
        mend = "Run manage.py keys rotate log --reason TEXT, while the appliance runs."
        yield warning(name, text, mend)
    else:
        yield ok(name, text)


def backup(environment: Environment) -> Iterator[Finding]:
    """When `manage.py backup` last ended well, as the record says."""
    name = "backup"
    if connection.vendor != "sqlite":
        text = "PostgreSQL has tools of its own for it, which are not looked at here"
        yield ok(name, f"{text}; see docs/operator.md, Back up and restore")
        return
    made = Event.objects.filter(source="command", type="backup.made")
    last = made.order_by("-seq").values_list("time", flat=True).first()
    mend = f"Run manage.py backup FILE, and save {environment.data / 'keys'} apart from it."
    if last is None:
        yield warning(name, "none was ever made with manage.py backup", mend)
        return
    age = dt.datetime.now(dt.UTC) - last
    text = f"the last was made {last:%Y-%m-%d %H:%M} UTC, {age.days} days ago"
    yield warning(name, text, mend) if age > BACKUP_OLD else ok(name, text)


def exports(environment: Environment) -> Iterator[Finding]:
    """What the files of exports take, and whether their disk has room."""
    folder = environment.data / "exports"
    if not folder.is_dir():  # not every role has it
        return
    name = "exports"
    sizes = [path.stat().st_size for path in folder.iterdir() if path.is_file()]
    free, floor = shutil.disk_usage(folder).free, environment.disk_floor
    text = (
        f"{len(sizes)} files of {sum(sizes) / 2**20:.0f} MiB, each kept for "
        f"{environment.export_days} days; {free / 2**30:.1f} GiB free in {folder}"
    )
    mend = "Make room there; or keep them for less long with DOMICILE_EXPORT_DAYS."
    if free < floor:
        yield wrong(name, f"{text}; exports are refused below {floor / 2**30:.1f}", mend)
    elif free < 4 * floor:
        yield warning(name, text, mend)
    else:
        yield ok(name, text)


def erasures(_environment: Environment) -> Iterator[Finding]:
    """Whether an erasure waits, since when, and why."""
    name, since = "erasures", asking.waiting_since()
    if since is None:
        yield ok(name, "every one that was asked for is done")
        return
    age = dt.datetime.now(dt.UTC) - since
    minutes = int(age.total_seconds() // 60)
    waiting = Erasure.objects.filter(state=Erasure.State.ASKED).order_by("asked")
    why = next((fault for one in waiting if (fault := asking.Work.of(one).fault)), "")
    text = f"one waits since {since:%Y-%m-%d %H:%M} UTC, for {minutes} minutes. {why}".rstrip()
    if age > asking.LATE:
        mend = "Start the process records, or read its log; the vault must be there for it."
        yield warning(name, text, mend)
    else:
        yield ok(name, text)


def witnesses(environment: Environment) -> Iterator[Finding]:
    """How it stands with each witness of this log, and with the policy."""
    rows = list(Witness.objects.filter(active=True))
    number = ledger.current().number
    for one in rows:
        yield _witness(one, number, environment)
    entered = {one.address for one in rows}
    for address in environment.witnesses:
        if address not in entered:
            mend = "An officer enters it in the console (Witnesses), with its verifier key."
            yield warning("witnesses", f"{address} may be asked, and nobody asks it", mend)
    if not rows and not environment.witnesses:
        yield ok("witnesses", "none; see docs/operator.md, Witnesses, on what one is for")
    yield from _policy(number)


def _witness(one: Witness, generation: int, environment: Environment) -> Finding:
    name = f"witness {one.name}"
    if one.conflict_generation == generation:
        say = wrong if one.conflict_size is not None else warning
        return say(name, one.conflict, "See the message; docs/operator.md, Witnesses.")
    signed = "it has signed nothing yet"
    if one.cosigned is not None:
        signed = f"it cosigned {one.size} entries, {one.cosigned:%Y-%m-%d %H:%M} UTC"
    if not one.address:
        return ok(name, f"asked by file; {signed}")
    if one.address not in environment.witnesses:
        text = f"{one.address} is not in DOMICILE_WITNESSES, so it is never asked; {signed}"
        return warning(name, text, "Add it there and start anew, or clear Active.")
    if one.error:
        return warning(name, f"{one.error} ({signed})", "See the message.")
    if one.asked is None:
        return warning(name, "it was never asked", "Start the notary, which asks it.")
    return ok(name, f"{signed}, asked {one.asked:%Y-%m-%d %H:%M} UTC")


def _policy(generation: int) -> Iterator[Finding]:
    """Whether the newest checkpoint that anybody cosigned meets the policy."""
    name = "policy of witnesses"
    try:
        judged = cosigned.standing(generation)
    except PolicyInvalid as error:
        yield wrong(name, str(error), "Set another: console, Witnesses, policy.")
        return
    if judged is None:
        return
    if judged.met and judged.listed:
        yield ok(name, judged.words)
    else:
        mend = "Mend the witnesses that are named, or set another policy in the console."
        yield warning(name, f"of the newest cosigned checkpoint: {judged.words}", mend)
