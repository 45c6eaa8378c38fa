"""The Celery application of long work on the record: exports, packs, erasures.

Its worker is the process `records`: `celery -A appliance.records worker`, with Django, the
database and the log's key, and without an engine. It shares nothing with `appliance.celery`
but the broker: every key of it there begins with `records:`, so that neither restores or takes
what the other has under way. Every setting below has its reason beside it.
"""

from __future__ import annotations

from celery import Celery

from appliance.env import read

environment = read()

QUEUE = "records"
HOUR = 3600  # seconds

# No Django fixup: `appliance.records_worker` sets Django up, in workers only.
app = Celery("domicile-records", fixups=[], set_as_current=False)
app.conf.update(
    broker_url=environment.broker_url,
    broker_connection_retry_on_startup=True,  # it may start before its broker
    broker_connection_max_retries=None,  # and waits for it however long it is away
    broker_pool_limit=2,
    broker_transport_options={
        "global_keyprefix": "records:",
        "priority_steps": [0],  # one list to wait on, not four
        # What a killed worker had is found by the sweep, within seconds. This is for a worker
        # that the broker lost sight of; a run that is alive is not begun a second time.
        "visibility_timeout": HOUR,
        "socket_timeout": 5,  # a broker that hangs is one that is away
        "socket_connect_timeout": 2,
    },
    result_backend=None,  # the row of a run says how it stands
    task_ignore_result=True,
    task_acks_late=True,  # a run that is killed is begun again: it is idempotent
    task_reject_on_worker_lost=True,  # also when only the child was killed
    task_publish_retry=False,  # the row is there; the sweep finds it
    task_send_sent_event=False,  # nobody listens to events
    task_serializer="json",
    accept_content=["json"],  # pickle would let the broker's operator run code here
    task_create_missing_queues=True,
    task_default_queue=QUEUE,
    worker_pool="prefork",  # a run that takes too much is killed alone
    worker_concurrency=2,  # one export at a time, and one for an erasure meanwhile
    worker_max_tasks_per_child=200,  # gives back what big runs took from the system
    worker_prefetch_multiplier=1,
    worker_disable_rate_limits=True,
    worker_enable_remote_control=False,  # nobody with the broker may command a worker
    worker_send_task_events=False,
    worker_hijack_root_logger=False,  # our log: JSON, never a task's arguments
    worker_redirect_stdouts=False,
    imports=("appliance.records_worker", "compliance.tasks"),  # in workers only, in this order
)


def publish(task: str, *arguments: int, expires: float | None = None) -> None:
    """Send one of `compliance.tasks` to the worker; raises what kombu raises."""
    app.send_task(task, arguments, queue=QUEUE, expires=expires, ignore_result=True)
