"""The Celery application: web processes publish tickets with it, workers take them.

A worker is `celery -A appliance.celery worker --without-gossip --without-mingle
--without-heartbeat`: workers have nothing to tell each other, and Celery takes that as flags
only. What it serves comes from the environment (`appliance.worker`). It has no database and no
Django. Every setting below has its reason beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

from celery import Celery

from appliance.env import read
from inference.registry import queue

environment = read()

app = Celery("domicile", fixups=[])  # the Django fixup would open the database in workers
app.conf.update(
    broker_url=environment.broker_url,
    broker_connection_retry_on_startup=True,  # a worker may start before its broker
    broker_connection_max_retries=None,  # and waits for it however long it is away
    broker_pool_limit=2,  # one publishing thread a process, and one to spare
    broker_transport_options={
        "priority_steps": [0],  # one list to wait on, not four
        "visibility_timeout": 3600,  # nothing is redelivered: tickets expire in 60 s
        # A broker that hangs is one that is away. Workers wait 1 s in BRPOP, well below.
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    },
    result_backend=None,  # answers come over the relay
    task_ignore_result=True,
    task_acks_late=False,  # at most once: recovery is the gateway's, by a new ticket
    task_publish_retry=False,  # the gateway tells its caller at once
    task_send_sent_event=False,  # nobody listens to events
    task_compression=None,  # ciphertext does not compress
    task_serializer="json",
    accept_content=["json"],  # pickle would let the broker's operator run code here
    task_create_missing_queues=True,  # gateways publish to the queue of any deployment
    task_default_queue=queue(environment.site, environment.model),  # what this worker takes
    worker_pool="threads",  # a forked child cannot share the engine
    worker_concurrency=1,  # a task only hands its tickets over; the loop answers them all
    worker_prefetch_multiplier=1,  # what waits, waits in the broker, for any node
    worker_disable_rate_limits=True,  # limits are per application, at the gateway
    worker_enable_remote_control=False,  # nobody with the broker may command a worker
    worker_send_task_events=False,
    worker_hijack_root_logger=False,  # our log: JSON, never a task's arguments
    worker_redirect_stdouts=False,
    imports=("inference.tasks", "appliance.worker"),  # in workers only; web has no engine
)


def take(adapters: Iterable[str]) -> None:
    """Have this worker take the tickets of these adapters too; before it begins to take any."""
    for adapter in adapters:
        app.amqp.queues.select_add(queue(environment.site, adapter))
