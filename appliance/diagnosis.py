"""What `doctor` looks at: each check says what is so and, if not well, how to mend it."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis import Redis
from redis.exceptions import RedisError

from appliance import (
    clock,
    confinement,
    engines,
    health,
    keyring,
    node_canary,
    replicas,
    time_authority,
    upkeep,
)
from appliance.env import BASE, Environment
from appliance.finding import Finding, ok, warning, wrong
from appliance.services import folder, node_state, port
from compliance.audit import copies, ledger, rotation, triggers
from compliance.audit.checkpoint import CheckpointInvalid, origin_of, parse_verifier_key
from compliance.audit.copies import Places
from compliance.audit.files import VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.keys import KeyUnusable
from compliance.audit.keystore import KeyStore
from compliance.audit.notary import behind
from compliance.audit.ring import ring_of
from compliance.detection.detector import Detector
from compliance.evidence.paper import certificate
from compliance.management import rights
from compliance.models import Content
from compliance.policy.decide import not_enforced
from compliance.versions import load
from compliance.vocabulary import DetectionFailed
from inference import registry
from inference.admission import public_keys
from inference.models import Model

OLDEST, NEWEST = (3, 11), (3, 13)
CLOCK_ERROR_MAX = 1_000_000  # µs


def examine(environment: Environment) -> Iterator[Finding]:
    """Every check in turn. One that fails unexpectedly is a finding itself."""
    for check in CHECKS:
        try:
            yield from check(environment)
        except DatabaseError as error:
            name = check.__name__.strip("_").replace("_", " ")
            yield _unseen(name, error)
        except Exception as error:  # noqa: BLE001 - doctor must get to the end
            name = check.__name__.strip("_").replace("_", " ")
            yield wrong(
                name, f"could not be checked: {_words(error)}", "Mend what is above it."
            )


def _unseen(name: str, error: DatabaseError) -> Finding:
    """What the database did not show, or not to this role."""
    if not rights.denied(error):
        return wrong(name, f"could not be checked: {_words(error)}", "Mend what is above it.")
    role = connection.settings_dict["USER"]
    return warning(
        name,
        f"the database's role {role} may not look at it",
        "Run doctor also where the web process runs, whose role may read everything.",
    )


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def keeper(environment: Environment) -> dict[str, Any] | None:
    """What the running keeper wrote down; None while none runs."""
    with suppress(OSError, ValueError, KeyError):
        state: dict[str, Any] = json.loads(environment.run.joinpath("keeper.json").read_bytes())
        os.kill(state["pid"], 0)
        return state
    return None


def _kept(environment: Environment, state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the keeper runs, and what the node's supervisor runs of it, by name."""
    workers = {
        node_state.worker_name(model): msgspec.to_builtins(worker)
        for model, worker in node_state.read(environment.run).items()
    }
    return {**state["processes"], **workers}


def _python(_environment: Environment) -> Iterator[Finding]:
    version = sys.version.split()[0]
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        yield wrong("python", version, "Use Python 3.11, 3.12 or 3.13: PYTHON=… make up")
        return
    yield ok("python", version)
    stamp, lock = BASE / ".venv" / ".synced", BASE / "uv.lock"
    if stamp.exists() and lock.exists() and lock.stat().st_mtime > stamp.stat().st_mtime:
        yield warning("packages", "uv.lock is newer than the environment", "Run make up again.")


def _data_folder(environment: Environment) -> Iterator[Finding]:
    data, name = environment.data, "data folder"
    if not data.joinpath(folder.LAYOUT_FILE).exists():
        yield wrong(name, f"{data} is not set up", "Run make up, or set DOMICILE_DATA.")
        return
    try:
        facts = folder.facts(data)
    except folder.FolderRefused as error:
        yield wrong(name, str(error), "See the message.")
        return
    if facts["set_up"] is None:
        yield wrong(name, f"the set-up of {data} was cut short", "Run make up; it goes on.")
    elif not os.access(data, os.W_OK | os.X_OK):
        yield wrong(
            name, f"{data} cannot be written", "Give it to the user that runs Domicile."
        )
    else:
        yield ok(name, f"{data}, layout {facts['layout']}")


def _keys(environment: Environment) -> Iterator[Finding]:
    for key in keyring.found(environment.data / "keys"):
        name = f"key {key.path.name}"
        if key.problem:
            yield wrong(
                name, key.problem, "Restore it from your backup; see manage.py keys list."
            )
        else:
            yield ok(name, f"fingerprint {key.fingerprint}")


def _log_key(environment: Environment) -> Iterator[Finding]:
    """The key that signs checkpoints is the one that the log says signs, and alone."""
    ring = ring_of(environment)
    if not (
        ring.path.exists() or ring.pointer.exists()
    ):  # not every role has it; `_keys` tells where it should be
        return
    places = Places(environment.data / "log", environment.checkpoints)
    origin = origin_of(environment.organisation, ledger.current().number)
    found = list(rotation.faults(ring, places, origin))
    try:
        ring.insist()
    except (KeyUnusable, OSError) as error:
        yield wrong("key of the log", error.args[-1], "See the message.")
        return
    for fault in found:
        yield warning("key of the log", fault, "See the message.")
    if not found:
        yield ok("key of the log", "the one that the log says signs")


def _vault(environment: Environment) -> Iterator[Finding]:
    """Who may open the vault, and whether it opens what is kept."""
    vault, name = KeyStore(environment.data / "vault"), "vault"
    if not vault.folder.exists():  # made when something is kept; other roles never have one
        return
    mend = "Mode 700 for one user, 2770 for the group of both; see docker/README.md."
    faults = list(vault.faults())
    for fault in faults:
        yield wrong(name, fault, mend)
    if faults:
        return
    lacking = vault.lacks(Content.objects.values_list("bucket", "generation").distinct())
    if lacking:
        text = f"of {lacking} keys that kept content needs there is none; it cannot be read"
        yield warning(name, text, "Expected after a restore; else look for the keys' folder.")
    else:
        yield ok(name, f"{vault.folder}, closed to others")


def _certificate(environment: Environment) -> Iterator[Finding]:
    """Who signs PDF reports, and until when."""
    name = "certificate of PDFs"
    try:
        signer = certificate.configured(environment)
    except KeyUnusable as error:
        yield wrong(name, str(error), "See the message; exports with a report wait for it.")
        return
    left = signer.expires - dt.datetime.now(dt.UTC)
    text = f"{signer.subject}, until {signer.expires:%Y-%m-%d}, {signer.fingerprint[:16]}"
    mend = (
        f"Run manage.py keys rotate {certificate.KEY}, and tell who compares its fingerprint."
        if signer.own
        else "Put a new one where DOMICILE_PDF_SIGNER points."
    )
    if left <= dt.timedelta():
        yield wrong(name, f"its time is over: {text}", mend)
    elif left < certificate.SOON:
        yield warning(name, f"ends soon: {text}", mend)
    else:
        yield ok(name, text)


def _database(_environment: Environment) -> Iterator[Finding]:
    name = "database"
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        mend = (
            "Check DOMICILE_DATABASE_URL and that it runs; restore a backup if it is damaged."
        )
        yield wrong(name, _words(error), mend)
        return
    if plan:
        yield wrong(name, f"{len(plan)} migrations are missing", "Run make up, or setup.")
        return
    yield ok(name, f"{connection.vendor}, all migrations applied")
    missing = triggers.missing()
    if missing:
        mend = "Run manage.py migrate, and audit verify: somebody removed them."
        yield wrong("triggers", f"missing: {', '.join(missing)}", mend)
    else:
        yield ok("triggers", "the record is insert-only")


def _broker(environment: Environment) -> Iterator[Finding]:
    url = environment.broker_url.replace("redis+socket://", "unix://", 1)
    try:
        with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as broker:
            broker.ping()
        yield ok("broker", "answers")
    except RedisError as error:
        if keeper(environment) is None and confinement.broker_is_local(environment):
            yield ok("broker", "not running; up starts it")
        else:
            mend = "Read logs/broker.jsonl, or check DOMICILE_BROKER_URL."
            yield wrong("broker", f"does not answer ({type(error).__name__})", mend)


def _processes(environment: Environment) -> Iterator[Finding]:
    state = keeper(environment)
    if state is None:
        yield warning("processes", "the appliance is not running", "Start it: make up")
        return
    for name, process in _kept(environment, state).items():
        if why := process.get("refused") or process.get("waits"):
            yield wrong(
                f"process {name}",
                f"is not started: {why}",
                f"Mend that, or take the deployment back. See {environment.data}/logs.",
            )
        elif process["failing"] or process["pid"] is None:
            mend = f"Read {environment.data}/logs/{name}.jsonl."
            # Requests are answered without it; exports and erasures wait.
            say = warning if name == "records" else wrong
            yield say(f"process {name}", "does not stay up", mend)
        else:
            again = f", restarted {process['restarts']} times" if process["restarts"] else ""
            yield ok(f"process {name}", f"runs as {process['pid']}{again}")


def _confinement(environment: Environment) -> Iterator[Finding]:
    state = keeper(environment)
    if state is None:
        how = confinement.available()
        if how == "no":
            mend = "Allow user namespaces, or run the containers or units in docker/."
            yield warning("confinement", "no network namespace can be made here", mend)
        else:
            yield ok("confinement", "processes will get a network namespace of their own")
        return
    for name, process in _kept(environment, state).items():
        if process["pid"] is None:
            continue
        layers = confinement.of_process(process["pid"])
        text = "; ".join(f"{layer.name}: {layer.text}" for layer in layers)
        if any(layer.holds for layer in layers if layer.name != "seccomp"):
            yield ok(f"confinement of {name}", text)
        else:
            mend = (
                "See docs/operator.md, Confinement: a namespace, internal networks or systemd."
            )
            yield warning(f"confinement of {name}", text, mend)


def _port(environment: Environment) -> Iterator[Finding]:
    running = keeper(environment) is not None
    try:
        port.take(environment.host, environment.port).close()
    except port.PortTaken as error:
        if running:
            yield ok("port", f"{environment.port} is in use, and the keeper runs")
        else:
            yield wrong("port", str(error), "See the message.")
        return
    if running:
        yield warning(
            "port",
            f"{environment.port} is free, yet the keeper runs",
            "It was started with another DOMICILE_PORT; run doctor with the same.",
        )
    else:
        yield ok("port", f"{environment.port} is free")


def _disk(environment: Environment) -> Iterator[Finding]:
    free, floor = shutil.disk_usage(environment.data).free, environment.disk_floor
    text = f"{free / 2**30:.1f} GiB free, requests are refused below {floor / 2**30:.1f}"
    if free < floor:
        yield wrong("disk", text, "Make room, or lower DOMICILE_DISK_FLOOR.")
    elif free < 4 * floor:
        yield warning("disk", text, "Make room soon.")
    else:
        yield ok("disk", text)


def _clock(_environment: Environment) -> Iterator[Finding]:
    synchronised, error = clock.synchronised()
    mend = "Run an NTP client (systemd-timesyncd, chrony) against your own time server."
    if synchronised is None:
        yield warning("clock", "the kernel does not say whether it is right", mend)
    elif not synchronised or error > CLOCK_ERROR_MAX:
        yield warning("clock", f"{socket.gethostname()} follows no other clock", mend)
    else:
        yield ok("clock", f"synchronised, off by at most {error / 1000:.0f} ms")


def _policy(environment: Environment) -> Iterator[Finding]:
    found = load.standing(environment.data, heed=True)
    if found.active is None:
        mend = "Run manage.py audit verify, and restore the database from your backup."
        yield wrong("policy", " ".join(found.faults[:3]), mend)
        return
    try:
        unenforced = not_enforced(found.active.policy, Detector().coverage)
    except DetectionFailed as error:
        yield wrong("policy", str(error), "Restore it, or install the detector's packages.")
        return
    by = " and ".join(found.active.by) or "the installer only, not by two people"
    signed = f"version {found.active.number}, signed by {by}"
    if unenforced:
        mend = "Accept it (the events name them), or load a recogniser for them."
        text = f"{signed}; NOT enforced: {', '.join(unenforced)}"
        yield warning("policy", text, mend)
    else:
        yield ok("policy", f"{signed}; every rule can be enforced")


def _weights(environment: Environment) -> Iterator[Finding]:
    models = environment.data / "models"
    for model in Model.objects.filter(deployments__active=True).distinct():
        name = f"weights of {model.name}"
        if model.licence_accepted is None:
            mend = "Have an officer read it in the console (Models) and accept it."
            yield warning(
                f"licence of {model.name}", "nobody has accepted it: it serves nobody", mend
            )
        try:
            keys = public_keys(environment.data / "keys" / "gateway.pub")
            entry = registry.held(model.name, models, keys)
            entry.kept.check(model.name, model.digest)
            yield ok(name, f"SHA-256 {model.digest[:16]}… as registered, {model.licence}")
        except registry.ModelUnknown as error:
            if _served_here(model, environment):
                yield wrong(name, str(error), "See the message.")
            else:
                yield ok(name, "elsewhere; a node checks them before it serves them")
        except (registry.ModelUnusable, KeyUnusable) as error:
            yield wrong(name, str(error), "See the message.")


def _served_here(model: Model, environment: Environment) -> bool:
    return model.deployments.filter(
        active=True, placements__active=True, placements__node__name=environment.node
    ).exists()


def _notary(environment: Environment) -> Iterator[Finding]:
    lag = health.notary_lag()
    if lag > health.LAG_LIMIT and keeper(environment) is not None:
        mend = f"Read {Path(environment.data, 'logs', 'notary.jsonl')}."
        yield wrong("notary", f"{lag:.0f} s behind", mend)
    else:
        yield ok("notary", f"{lag:.0f} s behind")


def _checkpoints(environment: Environment) -> Iterator[Finding]:
    """A copy of the newest checkpoint lies where a restore does not reach."""
    held = ledger.current()
    log = environment.data / "log"
    line = LogFolder(folder_of(log, held.number)).read(VERIFIER_KEY)
    if line is None:  # nothing has been signed; `_notary` says how far it is behind
        return
    origin, public = parse_verifier_key(line.decode("ascii", "replace").strip())
    places = Places(log, environment.checkpoints)
    try:
        found = copies.known(places, origin, rotation.chain(places, origin, public))
    except CheckpointInvalid as error:
        yield wrong("copies of checkpoints", str(error), "Run manage.py audit verify.")
        return
    newest = copies.ahead(held, found)
    outside = [one for one in found if one.path.parent == environment.checkpoints]
    if newest is not None:
        yield wrong("restored database", behind(held, newest), "See the message.")
    elif any(one.generation == held.number for one in outside):
        yield ok("copies of checkpoints", str(environment.checkpoints))
    else:
        yield warning(
            "copies of checkpoints",
            f"there is none of this log in {environment.checkpoints}; a restore of an older "
            "database could go unseen",
            "Let the notary write there, or name another folder with DOMICILE_CHECKPOINTS.",
        )


CHECKS: tuple[Callable[[Environment], Iterator[Finding]], ...] = (
    _python,
    _data_folder,
    _keys,
    _certificate,
    _database,
    _vault,
    _broker,
    _processes,
    _confinement,
    node_canary.said,
    _port,
    _disk,
    _clock,
    _policy,
    _weights,
    replicas.placed,
    engines.vllm,
    _notary,
    _log_key,
    upkeep.log_key_age,
    _checkpoints,
    upkeep.witnesses,
    time_authority.time_stamps,
    upkeep.backup,
    upkeep.exports,
    upkeep.erasures,
)
