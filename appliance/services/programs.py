"""The appliance's processes: what each runs, in which order, and which reach no network."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

from appliance import confinement
from appliance.calling import place_of, socket_of
from appliance.env import BASE, Environment
from appliance.services import broker, figures, passage
from appliance.services.keeper import Program
from appliance.services.worker import DRAIN, inherited

MANAGE = str(BASE / "manage.py")
LISTENING = "DOMICILE_LISTEN_FD"
"""Number of the inherited socket that the web processes share."""
METRICS = "PROMETHEUS_MULTIPROC_DIR"
PASSAGES = "DOMICILE_PASSAGES"
"""Folder of the sockets through which allowed addresses are called without a network."""
AFTER_DRAIN = 20.0  # seconds a web process gets to tell callers, record the ends and stop
NOTARY_REFUSED = 3  # the notary's exit code where a new start will not help
NODE_REFUSED = 2  # the same of a node's supervisor
AFTER_WORKERS = 10.0  # seconds the supervisor gets once its workers had all of theirs


def programs(
    environment: Environment, listening: int, confine: str, models: Mapping[str, str]
) -> list[list[Program]]:
    """All processes in groups, in the order of their start.

    `listening` is the descriptor of the callers' socket. `models` are those that this machine's
    node is to serve, with their digests (hex). `confine` is how a process can be
    kept from every network (`confinement.available`). A process that talks to the others
    over Unix sockets only is confined; so may the web processes be, because the socket on
    which they accept callers was made outside.
    """
    queue = confine if confinement.broker_is_local(environment) else "no"
    record = confine if confinement.database_is_local(environment) else "no"
    both = queue if record != "no" else "no"
    shared = inherited(environment)
    groups = [
        [_notary(environment, shared, record)],
        [_node(environment, shared, queue, models)],
        [
            _web(number, environment, shared, listening, both)
            for number in range(1, environment.web_processes + 1)
        ],
        [_records(shared, both)],
    ]
    if (environment.witnesses or environment.tsa) and record != "no":
        groups.insert(0, [_passage(environment, shared)])
    if confinement.broker_is_local(environment) and not broker.answers(
        environment.run / broker.SOCKET
    ):
        groups.insert(0, [_broker(environment, shared, confine)])
    return groups


def metrics_folder(environment: Environment) -> Path:
    """Where the web processes leave their figures for each other."""
    return environment.run / "metrics"


def _broker(environment: Environment, shared: Mapping[str, str], confine: str) -> Program:
    async def ready() -> bool:
        return broker.answers(environment.run / broker.SOCKET)

    return Program(
        "broker",
        broker.command(environment.run),
        environment=shared,
        folder=environment.run,
        confine=confine,
        ready=ready,
    )


def _passage(environment: Environment, shared: Mapping[str, str]) -> Program:
    """The one process that reaches other machines: it passes bytes to allowed addresses."""
    allowed = [*environment.witnesses, *filter(None, [environment.tsa])]
    places = sorted({place_of(one) for one in allowed})
    ways = [(socket_of(environment.run, *place), *place) for place in places]

    async def ready() -> bool:
        return all(path.is_socket() for path, _host, _port in ways)

    return Program(
        "passage",
        [
            *(sys.executable, "-I", "-S", passage.__file__),
            *(str(part) for way in ways for part in way),
        ],
        environment={name: shared[name] for name in ("PATH",) if name in shared},
        folder=environment.run,
        ready=ready,
    )


def _notary(environment: Environment, shared: Mapping[str, str], confine: str) -> Program:
    passages = {PASSAGES: str(environment.run)} if confine != "no" else {}
    return Program(
        "notary",
        [sys.executable, MANAGE, "notary"],
        environment={**shared, **passages, "DOMICILE_SOURCE": "notary"},
        folder=BASE,
        confine=confine,
        hopeless=frozenset({NOTARY_REFUSED}),
    )


def _node(
    environment: Environment, shared: Mapping[str, str], confine: str, models: Mapping[str, str]
) -> Program:
    """The supervisor of this machine's node; the workers are its own children.

    The model that `up` waits for is named first: where GPUs are short, others wait for theirs.
    """
    first = sorted(models, key=lambda name: (name != environment.model, name))
    begin = [f"--begin={name}={models[name]}" for name in first]
    return Program(
        "node",
        [
            *(sys.executable, "-m", "appliance.node", *begin),
            f"--logs={environment.data / 'logs'}",
        ],
        environment=shared,
        folder=BASE,
        drain=DRAIN + AFTER_WORKERS,
        confine=confine,
        hopeless=frozenset({NODE_REFUSED}),
    )


def _records(shared: Mapping[str, str], confine: str) -> Program:
    """Long work on the record; it starts once the first question is answered."""
    return Program(
        "records",
        [
            *(sys.executable, "-m", "celery", "-q", "-A", "appliance.records", "worker"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        environment={**shared, "DOMICILE_SOURCE": "records"},
        folder=BASE,
        confine=confine,
        late=True,
    )


def _web(
    number: int,
    environment: Environment,
    shared: Mapping[str, str],
    listening: int,
    confine: str,
) -> Program:
    counts = metrics_folder(environment)

    def ended(_pid: int) -> None:
        """Forget what the ended process was doing; what it counted stays."""
        with contextlib.suppress(OSError):  # a full disk; the appliance needs no figures
            figures.fold(counts)

    return Program(
        f"web-{number}",
        [sys.executable, MANAGE, "web"],
        environment={
            **shared,
            "DOMICILE_SOURCE": f"web-{number}",
            LISTENING: str(listening),
            METRICS: str(counts),
        },
        folder=BASE,
        descriptors=(listening,),
        drain=environment.drain + AFTER_DRAIN,
        confine=confine,
        ended=ended,
    )
