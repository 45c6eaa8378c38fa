"""Random changes of notes, proofs and logs: none is accepted, and none ends in a surprise.

`DOMICILE_SEED=…` replays a run.
"""

import random
import shutil
import threading
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, connection, transaction

from compliance.audit import checkpoint, inclusion, journal, merkle, triggers
from compliance.audit.checkpoint import CheckpointInvalid, parse
from compliance.audit.installation import install
from compliance.audit.merkle import ProofInvalid
from compliance.audit.notary import Notary
from compliance.audit.verify import verify_log
from compliance.audit.writer import Writer
from compliance.models import Application
from tests.chaos import plan
from tests.compliance.audit.events import APPLICATION, LABEL_KEY, admitted, completed, event
from tests.foreign.cases import ORIGIN, Log
from tests.services.waiting import PATIENCE
from tests.soak import mutants

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
FEW, MANY = 1_500, 35_000  # of each of three kinds
LOGS_FEW, LOGS_MANY = 60, 3_000


@pytest.fixture
def chance(request):
    long = request.node.get_closest_marker("soak")
    seed = plan.fresh_seed() if long else plan.seed()
    print(f"\nDOMICILE_SEED={seed}")  # noqa: T201 - it replays the run
    return random.Random(seed)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Two logs of the same name and sizes."""
    return [
        Log.make(tmp_path_factory.mktemp("log"), salt, (5, 8, 256, 300))
        for salt in (b"a", b"b")
    ]


def public(log):
    return log.key.public_key().public_bytes_raw()


def counted(kind, count):
    """Both lengths of a test: the short one always, the long one with `make soak`."""
    return [
        pytest.param(count[0], id=kind),
        pytest.param(count[1], id=f"many {kind}", marks=SOAK),
    ]


SOAK = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("count", counted("notes", (FEW, MANY)))
def test_no_changed_checkpoint_is_accepted(logs, chance, count):
    ours, theirs = logs
    tried = 0
    while tried < count:
        size = chance.choice(list(ours.notes))
        note = mutants.of_bytes(chance, ours.notes[size], theirs.notes[size])
        if note == ours.notes[size]:
            continue
        tried += 1
        with pytest.raises(CheckpointInvalid):
            checkpoint.verify(note, ORIGIN, public(ours))


@pytest.mark.parametrize("count", counted("files", (FEW, MANY)))
def test_no_changed_proof_file_is_accepted(logs, chance, count):
    files = [
        {
            (index, size): inclusion.Inclusion(
                (case := log.inclusion(index, size)).entry, index, tuple(case.proof), case.note
            ).text()
            for size in log.notes
            for index in {0, 3, size - 1}
        }
        for log in logs
    ]
    for data in files[0].values():
        inclusion.parse(data).verify(ORIGIN, public(logs[0]))
    tried = 0
    while tried < count:
        which = chance.choice(list(files[0]))
        data = mutants.of_bytes(chance, files[0][which], files[1][which])
        if data == files[0][which]:
            continue
        tried += 1
        with pytest.raises((CheckpointInvalid, ProofInvalid)):
            inclusion.parse(data).verify(ORIGIN, public(logs[0]))


@pytest.mark.parametrize("count", counted("paths", (FEW, MANY)))
def test_no_changed_path_is_accepted(logs, chance, count):
    ours, theirs = logs
    sizes = list(ours.notes)
    spots = [(chance.randrange(size), size) for size in sizes for _ in range(10)]
    steps = [(old, size) for old in sizes for size in sizes if old <= size]
    pool = [(ours.inclusion(*spot), theirs.inclusion(*spot)) for spot in spots]
    pool += [(ours.consistency(*step), theirs.consistency(*step)) for step in steps]
    tried = 0
    while tried < count:
        mine, other = chance.choice(pool)
        path = mutants.of_list(chance, mine.proof, other.proof)
        if path == mine.proof:
            continue
        tried += 1
        with pytest.raises(ProofInvalid):
            hold(mine, path)


def hold(case, path):
    """The path against what the case's notes say."""
    state = parse(case.note)
    if case.kind == "inclusion":
        leaf = merkle.leaf_hash(case.entry)
        merkle.verify_inclusion(leaf, case.index, state.size, path, state.root)
    else:
        old = parse(case.old)
        merkle.verify_consistency(old.size, state.size, old.root, state.root, path)


# --- Whole logs ---------------------------------------------------------------------------


@pytest.fixture
def log(database, tmp_path):
    """A sound log of one full tile and a partial one."""
    Application.objects.create(id=APPLICATION, name="demo", label_key=LABEL_KEY)
    writer = Writer("web-1", on_fenced=threading.Event().set, timeout=PATIENCE)
    writer.start()
    requests = [f"{n:032x}" for n in range(130)]
    writer.append_sync([one for r in requests for one in (admitted(r), completed(r))])
    writer.stop()
    with transaction.atomic():
        journal.record("console", [event("policy.proposed")])
    folder = tmp_path / "log"
    notary = Notary(folder, KEY, ORIGIN)
    while notary.integrate_once():
        pass
    report = verify_log(folder, PUBLIC)
    assert report.ok
    assert report.entries == 263
    return folder


@pytest.mark.database
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", counted("logs", (LOGS_FEW, LOGS_MANY)))
def test_no_changed_log_verifies(log, tmp_path, chance, count):
    accepted: Counter[str] = Counter()
    done: Counter[str] = Counter()
    while done.total() < count:
        what = chance.choice(list(mutants.TAMPERINGS))
        try:
            report = tampered(log, tmp_path / "copy", chance, what)
        except IntegrityError:  # the database itself would not have it
            continue
        done[what] += 1
        accepted[what] += report.ok
    assert not +accepted, dict(accepted)
    assert len(done) > len(mutants.TAMPERINGS) // 2


def tampered(log, copy, chance, what):
    """The report on the log changed in one way; the database is as before when it returns."""
    shutil.copytree(log, copy)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                for trigger in triggers._triggers(connection):
                    cursor.execute(triggers._drop(connection, trigger))
            mutants.TAMPERINGS[what](chance, 263, copy)
            install()
            report = verify_log(copy, PUBLIC)
            transaction.set_rollback(True)
    finally:
        shutil.rmtree(copy)
    return report
